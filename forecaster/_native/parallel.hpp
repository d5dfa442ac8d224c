// Work on all series of a table with a few threads; series are independent, so the number of threads never changes a bit.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

namespace forecaster {

using Index = std::int64_t;

// Calls body(first, last) for ranges of series that hold about the same number of rows each; a thread that is done, the caller's
// among them, takes the next range, because series of one length can cost very differently. `worth` is the number of rows that pays for a thread:
// about 50,000 for a pass over the values, a few hundred where a model is fitted. A body that is called without anything first
// gives a body for one thread, which may keep what it learns from one range to the next.
template <class Body>
void over_series(const Index* indptr, Index series, Index threads, Body body, Index worth = 50'000) {
    constexpr Index ranges_a_worker = 16;
    const Index rows = series > 0 ? indptr[series] - indptr[0] : 0;
    const Index workers = std::clamp<Index>(std::min(threads, rows / std::max<Index>(worth, 1)), 1, std::max<Index>(series, 1));
    const auto of_thread = [&]() -> decltype(auto) {
        if constexpr (std::is_invocable_v<Body>) return body();
        else return (body);
    };
    if (workers == 1) return of_thread()(Index{0}, series);

    const Index ranges = std::min(series, workers * ranges_a_worker);
    std::vector<Index> cuts(ranges + 1, series);
    for (Index r = 0; r < ranges; ++r)
        cuts[r] = std::lower_bound(indptr, indptr + series, indptr[0] + static_cast<Index>(static_cast<double>(rows) / ranges * r)) - indptr;
    std::atomic<Index> next{0};
    std::vector<std::exception_ptr> errors(workers);
    const auto work = [&](Index w) {
        try {
            auto&& own = of_thread();
            for (Index r = next++; r < ranges; r = next++)
                if (cuts[r] < cuts[r + 1]) own(cuts[r], cuts[r + 1]);
        } catch (...) {
            errors[w] = std::current_exception();
        }
    };
    std::vector<std::thread> crew;
    crew.reserve(workers);
    try {
        for (Index w = 1; w < workers; ++w) crew.emplace_back(work, w);
    } catch (const std::system_error&) {
        // No more threads are to be had: those that there are do the work.
    }
    work(0);
    for (auto& worker : crew) worker.join();
    for (auto& error : errors)
        if (error) std::rethrow_exception(error);
}

// Calls body(row) for rows that cost about the same, `size` values each.
template <class Body>
void over_rows(Index rows, Index size, Index threads, Body body) {
    std::vector<Index> indptr(rows + 1);
    for (Index r = 0; r <= rows; ++r) indptr[r] = r * size;
    over_series(indptr.data(), rows, threads, [&](Index first, Index last) {
        for (Index r = first; r < last; ++r) body(r);
    });
}

}  // namespace forecaster

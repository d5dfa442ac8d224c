// Work on all series of a table with a few threads; series are independent, so the number of threads never changes a bit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace forecaster {

using Index = std::int64_t;

// Calls body(first, last) for ranges of series that hold about the same number of rows each.
template <class Body>
void over_series(const Index* indptr, Index series, Index threads, Body body) {
    constexpr Index rows_worth_a_thread = 50'000;
    const Index rows = series > 0 ? indptr[series] - indptr[0] : 0;
    const Index workers = std::clamp<Index>(std::min(threads, rows / rows_worth_a_thread), 1, std::max<Index>(series, 1));
    if (workers == 1) return body(Index{0}, series);

    std::vector<Index> cuts(workers + 1, series);
    for (Index w = 0; w < workers; ++w)
        cuts[w] = std::lower_bound(indptr, indptr + series, indptr[0] + rows / workers * w) - indptr;
    std::vector<std::exception_ptr> errors(workers);
    std::vector<std::thread> crew;
    for (Index w = 0; w < workers; ++w)
        crew.emplace_back([&, w] {
            try {
                body(cuts[w], cuts[w + 1]);
            } catch (...) {
                errors[w] = std::current_exception();
            }
        });
    for (auto& worker : crew) worker.join();
    for (auto& error : errors)
        if (error) std::rethrow_exception(error);
}

}  // namespace forecaster

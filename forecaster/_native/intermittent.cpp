// forecaster._native.intermittent: all series of a table in one call (see intermittent.pyi; the equations stand in intermittent.hpp).
#include "intermittent.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

void patterns(const Row<const double>& values, const Row<const Index>& indptr, const Sheet<double>& out, Index threads) {
    const Index series = series_of(values, indptr);
    expect(is_sheet(out, series, 3), "out must be (series, 3)");
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            const Pattern found = pattern(values.data() + indptr(s), indptr(s + 1) - indptr(s));
            out(s, 0) = found.observed;
            out(s, 1) = found.interval;
            out(s, 2) = found.variation;
        }
    });
}

void choose(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& method,
            const std::vector<std::pair<double, double>>& candidates, const Sheet<double>& smoothing, Index threads) {
    const Index series = series_of(values, indptr);
    expect(static_cast<Index>(method.size()) == series && is_sheet(smoothing, series, 2) && !candidates.empty(),
           "there must be a candidate, one method per series, and smoothing (series, 2)");
    std::vector<Smoothing> tried;
    for (const auto& [size, pace] : candidates) tried.push_back({size, pace});
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            const Smoothing by = with_method(
                method(s), [&]<class Method>() { return best<Method>(values.data() + indptr(s), indptr(s + 1) - indptr(s), tried); });
            smoothing(s, 0) = by.size;
            smoothing(s, 1) = by.pace;
        }
    });
}

void follow_demand(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& method,
                   const Sheet<double>& smoothing, const Sheet<double>& state, const Row<double>& rate, Index threads) {
    const Index series = series_of(values, indptr);
    expect(static_cast<Index>(method.size()) == series && is_sheet(smoothing, series, 2) && is_sheet(state, series, 4) &&
               static_cast<Index>(rate.size()) == series,
           "there must be one method and rate per series, smoothing (series, 2), and state (series, 4)");
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            const Smoothing by{smoothing(s, 0), smoothing(s, 1)};
            Demand at{state(s, 0), state(s, 1), state(s, 2), state(s, 3)};
            rate(s) = with_method(method(s), [&]<class Method>() {
                follow<Method>(values.data() + indptr(s), indptr(s + 1) - indptr(s), by, at);
                return Method::rate(at, by);
            });
            state(s, 0) = at.size;
            state(s, 1) = at.pace;
            state(s, 2) = at.gap;
            state(s, 3) = at.seen;
        }
    });
}

struct Buckets {
    const Row<const Index>& ptr;
    const Row<const Index>& size;
    const Row<double>& alpha;
    const Sheet<double>& state;

    void check(Index series) const {
        const Index count = static_cast<Index>(size.size());
        expect(static_cast<Index>(ptr.size()) == series + 1 && ptr(0) == 0 && ptr(series) == count && static_cast<Index>(alpha.size()) == count &&
                   is_sheet(state, count, 4) && std::is_sorted(ptr.data(), ptr.data() + series + 1) &&
                   std::all_of(size.data(), size.data() + count, [](Index k) { return k > 0; }),
               "there must be boundaries of the buckets of each series, positive sizes, one alpha per bucket, and state (buckets, 4)");
    }
    Bucket get(Index b) const { return {state(b, 0), state(b, 1), state(b, 2), state(b, 3)}; }
    void put(Index b, const Bucket& bucket) const {
        state(b, 0) = bucket.level;
        state(b, 1) = bucket.sum;
        state(b, 2) = bucket.filled;
        state(b, 3) = bucket.full;
    }
};

std::vector<double> finite(const Row<const double>& values, Index from, Index to) {
    std::vector<double> seen;
    for (Index i = from; i < to; ++i)
        if (std::isfinite(values(i))) seen.push_back(values(i));
    return seen;
}

void fit_buckets(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& ptr, const Row<const Index>& size,
                 double low, double high, const Row<double>& alpha, const Sheet<double>& state, Index threads) {
    const Index series = series_of(values, indptr);
    const Buckets buckets{ptr, size, alpha, state};
    buckets.check(series);
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        std::vector<double> summed;
        for (Index s = first; s < last; ++s) {
            const std::vector<double> seen = finite(values, indptr(s), indptr(s + 1));
            for (Index b = ptr(s); b < ptr(s + 1); ++b) {
                sums(seen, size(b), summed);
                alpha(b) = best_alpha(summed, low, high);
                buckets.put(b, smoothed(summed, alpha(b)));
            }
        }
    });
}

void follow_buckets(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& ptr,
                    const Row<const Index>& size, const Row<double>& alpha, const Sheet<double>& state, Index threads) {
    const Index series = series_of(values, indptr);
    const Buckets buckets{ptr, size, alpha, state};
    buckets.check(series);
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            const std::vector<double> seen = finite(values, indptr(s), indptr(s + 1));
            for (Index b = ptr(s); b < ptr(s + 1); ++b) {
                Bucket bucket = buckets.get(b);
                for (const double y : seen) bucket.push(y, static_cast<double>(size(b)), alpha(b));
                buckets.put(b, bucket);
            }
        }
    });
}

}  // namespace

NB_MODULE(intermittent, m) {
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.def("patterns", &patterns, nb::arg("values"), nb::arg("indptr"), nb::arg("out").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("choose", &choose, nb::arg("values"), nb::arg("indptr"), nb::arg("method"), nb::arg("candidates"), nb::arg("smoothing").noconvert(),
          nb::arg("threads") = 1, unlocked);
    m.def("follow_demand", &follow_demand, nb::arg("values"), nb::arg("indptr"), nb::arg("method"), nb::arg("smoothing"),
          nb::arg("state").noconvert(), nb::arg("rate").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("fit_buckets", &fit_buckets, nb::arg("values"), nb::arg("indptr"), nb::arg("ptr"), nb::arg("size"), nb::arg("low"), nb::arg("high"),
          nb::arg("alpha").noconvert(), nb::arg("state").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("follow_buckets", &follow_buckets, nb::arg("values"), nb::arg("indptr"), nb::arg("ptr"), nb::arg("size"), nb::arg("alpha").noconvert(),
          nb::arg("state").noconvert(), nb::arg("threads") = 1, unlocked);
}

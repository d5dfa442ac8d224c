// forecaster._native.intermittent: all series of a table in one call (see intermittent.pyi; the equations stand in intermittent.hpp).
#include "intermittent.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "parallel.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

const Level picked = level();

void patterns(const Row<const double>& values, const Row<const Index>& indptr, const Sheet<double>& out, Index threads) {
    const Index series = series_of(values, indptr);
    expect(is_sheet(out, series, 3), "out must be (series, 3)");
    const auto look = by_width(picked, []<int W>() { return &pattern<W>; });
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            const Pattern found = look(values.data() + indptr(s), indptr(s + 1) - indptr(s));
            out(s, 0) = found.observed;
            out(s, 1) = found.interval;
            out(s, 2) = found.variation;
        }
    });
}

// Calls body(first, last) for a few series at a time, whose flows stay in the cache.
template <class Body>
auto in_blocks(Body body) {
    return [body](Index first, Index last) {
        constexpr Index block = 128;
        for (Index s = first; s < last; s += block) body(s, std::min(last, s + block));
    };
}

// The series of a table as the kernel is given them, and where it leaves what it makes of them.
struct Demands {
    const Row<const double>& values;
    const Row<const Index>& indptr;
    const Row<Index>& method;
    const Sheet<double>& smoothing;
    const Sheet<double>& state;
    const Row<double>& rate;

    Index check(Method most) const {
        const Index series = series_of(values, indptr);
        const Index *first = method.data(), last = static_cast<Index>(most), chance = static_cast<Index>(Method::tsb);
        const auto known = [&](Index one) { return one >= 0 && one <= last && (one == chance) == (*first == chance); };
        expect(static_cast<Index>(method.size()) == series && is_sheet(smoothing, series, 2) && std::all_of(first, first + series, known),
               "there must be one known method per series, 2 for all of them or for none, and smoothing must be (series, 2)");
        expect(is_sheet(state, series, 4) && static_cast<Index>(rate.size()) == series,
               "state must be (series, 4), and there must be one rate per series");
        return series;
    }

    std::vector<Flow> take(Index first, Index last) const {
        std::vector<Flow> flows(last - first);
        for (Index s = first; s < last; ++s) {
            Flow& flow = flows[s - first];
            flow.x = values.data() + indptr(s);
            flow.n = indptr(s + 1) - indptr(s);
            flow.method = static_cast<Method>(method(s));
        }
        return flows;
    }

    void put(Index s, const Flow& flow) const {
        rate(s) = rate_of(flow.at, flow.method, flow.by);
        state(s, 0) = flow.at.size;
        state(s, 1) = flow.at.pace;
        state(s, 2) = flow.at.gap;
        state(s, 3) = flow.at.seen;
    }
};

void fit_demand(const Row<const double>& values, const Row<const Index>& indptr, const Row<Index>& method, std::pair<double, double> smooth,
                const std::vector<double>& sizes, const std::vector<double>& paces, const Sheet<double>& smoothing, const Sheet<double>& state,
                const Row<double>& rate, Index threads) {
    const Demands demands{values, indptr, method, smoothing, state, rate};
    const Index series = demands.check(Method::open);
    expect(!sizes.empty() && !paces.empty(), "there must be a weight of sizes and one of paces");
    const auto choose_here = by_width(picked, []<int W>() { return &choose<W>; });
    const auto body = in_blocks([&](Index first, Index last) {
        std::vector<Flow> flows = demands.take(first, last);
        choose_here(flows, {smooth.first, smooth.second}, sizes, paces);
        for (Index s = first; s < last; ++s) {
            const Flow& flow = flows[s - first];
            method(s) = static_cast<Index>(flow.method);
            smoothing(s, 0) = flow.by.size;
            smoothing(s, 1) = flow.by.pace;
            demands.put(s, flow);
        }
    });
    over_series(indptr.data(), series, threads, body);
}

void follow_demand(const Row<const double>& values, const Row<const Index>& indptr, const Row<Index>& method, const Sheet<double>& smoothing,
                   const Sheet<double>& state, const Row<double>& rate, const Row<double>& said, Index threads) {
    const Demands demands{values, indptr, method, smoothing, state, rate};
    const Index series = demands.check(Method::tsb);
    const auto told = per_row(said, values);
    const auto follow_here = by_width(picked, []<int W>() { return &follow<W>; });
    const auto body = in_blocks([&](Index first, Index last) {
        std::vector<Flow> flows = demands.take(first, last);
        for (Index s = first; s < last; ++s) {
            Flow& flow = flows[s - first];
            flow.by = {smoothing(s, 0), smoothing(s, 1)};
            flow.at = {state(s, 0), state(s, 1), state(s, 2), state(s, 3)};
            flow.said = told(indptr(s));
        }
        follow_here(flows);
        for (Index s = first; s < last; ++s) demands.put(s, flows[s - first]);
    });
    over_series(indptr.data(), series, threads, body);
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

void keep_finite(const double* x, Index n, std::vector<double>& out) {
    out.resize(n);
    Index kept = 0;
    for (Index t = 0; t < n; ++t) {
        out[kept] = x[t];
        kept += std::isfinite(x[t]);
    }
    out.resize(kept);
}

void fit_buckets(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& ptr, const Row<const Index>& size,
                 double low, double high, const Row<double>& alpha, const Sheet<double>& state, Index threads) {
    const Index series = series_of(values, indptr);
    const Buckets buckets{ptr, size, alpha, state};
    buckets.check(series);
    const auto smooth = by_width(picked, []<int W>() { return &smoothed<W>; });
    const auto count = by_width(picked, []<int W>() { return &finite<W>; });
    double weights[weights_tried];
    for (int c = 0; c < weights_tried; ++c) weights[c] = low + (high - low) * c / (weights_tried - 1);
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        std::vector<double> copy, summed;
        for (Index s = first; s < last; ++s) {
            const double* seen = values.data() + indptr(s);
            Index n = indptr(s + 1) - indptr(s);
            if (count(seen, n) < n) {
                keep_finite(seen, n, copy);
                seen = copy.data(), n = static_cast<Index>(copy.size());
            }
            for (Index b = ptr(s); b < ptr(s + 1); ++b) {
                sums(seen, n, size(b), summed);
                buckets.put(b, smooth(summed.data(), static_cast<Index>(summed.size()), weights, alpha(b)));
            }
        }
    });
}

// Over further values; what was expected of each, once every bucket size has a level, is added to `said`, where that is given.
void follow_bucket(const double* x, Index n, double size, double alpha, Bucket& bucket, double* said) {
    for (Index t = 0; t < n; ++t) {
        if (said) said[t] += bucket.full > 0 ? bucket.level / size : std::numeric_limits<double>::quiet_NaN();
        if (std::isfinite(x[t])) bucket.push(x[t], size, alpha);
    }
}

void follow_buckets(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& ptr, const Row<const Index>& size,
                    const Row<double>& alpha, const Sheet<double>& state, const Row<double>& said, Index threads) {
    const Index series = series_of(values, indptr);
    const Buckets buckets{ptr, size, alpha, state};
    buckets.check(series);
    const auto told = per_row(said, values);
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            const Index n = indptr(s + 1) - indptr(s);
            double* out = told(indptr(s));
            if (out) std::fill(out, out + n, 0.0);
            for (Index b = ptr(s); b < ptr(s + 1); ++b) {
                Bucket bucket = buckets.get(b);
                follow_bucket(values.data() + indptr(s), n, static_cast<double>(size(b)), alpha(b), bucket, out);
                buckets.put(b, bucket);
            }
            for (Index t = 0; out && t < n; ++t) out[t] /= static_cast<double>(ptr(s + 1) - ptr(s));
        }
    });
}

}  // namespace

NB_MODULE(intermittent, m) {
    m.attr("SIMD") = picked.name;
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.def("patterns", &patterns, nb::arg("values"), nb::arg("indptr"), nb::arg("out").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("fit_demand", &fit_demand, nb::arg("values"), nb::arg("indptr"), nb::arg("method").noconvert(), nb::arg("smooth"), nb::arg("sizes"),
          nb::arg("paces"), nb::arg("smoothing").noconvert(), nb::arg("state").noconvert(), nb::arg("rate").noconvert(),
          nb::arg("threads") = 1, unlocked);
    m.def("follow_demand", &follow_demand, nb::arg("values"), nb::arg("indptr"), nb::arg("method"), nb::arg("smoothing"),
          nb::arg("state").noconvert(), nb::arg("rate").noconvert(), nb::arg("said").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("fit_buckets", &fit_buckets, nb::arg("values"), nb::arg("indptr"), nb::arg("ptr"), nb::arg("size"), nb::arg("low"), nb::arg("high"),
          nb::arg("alpha").noconvert(), nb::arg("state").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("follow_buckets", &follow_buckets, nb::arg("values"), nb::arg("indptr"), nb::arg("ptr"), nb::arg("size"), nb::arg("alpha").noconvert(),
          nb::arg("state").noconvert(), nb::arg("said").noconvert(), nb::arg("threads") = 1, unlocked);
}

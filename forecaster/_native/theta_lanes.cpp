// The search for the smoothing weight of a theta model, eight weights at a time (equations in theta.hpp).
#include "lanes.hpp"
#include "theta.hpp"

#include <algorithm>

namespace forecaster {

namespace {

constexpr int tried = 8, rounds = 6;
constexpr double lowest = 0.1, highest = 0.99;

// Sums of products of y - S, P and K + g.
template <int W>
struct Normal {
    Lanes<W> yy = 0.0, yp = 0.0, yz = 0.0, pp = 0.0, pz = 0.0, zz = 0.0;
    FORECASTER_INLINE void add(Lanes<W> y, Lanes<W> p, Lanes<W> z) {
        yy += y * y, yp += y * p, yz += y * z, pp += p * p, pz += p * z, zz += z * z;
    }
};

template <int W>
Normal<W> pass(const Sight& sight, Lanes<W> a) {
    const Lanes<W> keep = Lanes<W>(1.0) - a, inverse = Lanes<W>(1.0) / a;
    Lanes<W> s = 0.0, p = 1.0, k = 0.0, power = 1.0;
    Normal<W> sums;
    Index seen = 0;
    for (Index t = 0; t < sight.n; ++t) {
        const Lanes<W> next = power * keep;
        const Lanes<W> g = power * sight.intercept[t] + (Lanes<W>(1.0) - next) * inverse * sight.slope[t];
        power = next;
        const double y = sight.y[t];
        if (y != y) {
            k += a * g;
            continue;
        }
        const Lanes<W> off = Lanes<W>(y) - s;
        if (++seen > sight.skip) sums.add(off, p, k + g);
        s += a * off;
        p *= keep;
        k *= keep;
    }
    return sums;
}

template <int W>
Found solved(const Normal<W>& sums, int lane, double alpha, bool optimised) {
    const double yy = sums.yy[lane], yp = sums.yp[lane], yz = sums.yz[lane], pp = sums.pp[lane], pz = sums.pz[lane], zz = sums.zz[lane];
    const double det = pp * zz - pz * pz;
    double k = 0.5;
    if (optimised) k = det > 1e-14 * pp * zz ? std::clamp((pp * yz - pz * yp) / det, 0.0, 1 - 1e-10) : 0.0;
    const double level = pp > 0 ? (yp - k * pz) / pp : 0.0;
    const double squares = yy - 2 * level * yp - 2 * k * yz + level * level * pp + 2 * level * k * pz + k * k * zz;
    return {std::max(squares, 0.0), alpha, level, k};
}

template <int W>
void try_all(const Sight& sight, const double* alpha, Found& best) {
    for (int first = 0; first < tried; first += W) {
        const Normal<W> sums = pass<W>(sight, Lanes<W>::load(alpha + first));
        for (int lane = 0; lane < W; ++lane) {
            const Found one = solved<W>(sums, lane, alpha[first + lane], sight.optimised);
            if (one.squares < best.squares) best = one;
        }
    }
}

}  // namespace

template <int W>
Found search(const Sight& sight) {
    Found best;
    double from = lowest, to = highest, alpha[tried];
    for (int round = 0; round < rounds; ++round) {
        const double step = (to - from) / (tried - 1);
        for (int c = 0; c < tried; ++c) alpha[c] = from + step * c;
        try_all<W>(sight, alpha, best);
        from = std::max(lowest, best.alpha - step);
        to = std::min(highest, best.alpha + step);
    }
    return best;
}

template Found search<FORECASTER_LANES>(const Sight&);

}  // namespace forecaster

// The search for the smoothing weight of a theta model, eight weights at a time (equations in theta.hpp).
#include "lanes.hpp"
#include "theta.hpp"

#include <algorithm>

namespace forecaster {

namespace {

constexpr int tried = 8, zooms = 2;
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

// Weights in equal steps and the sums of squares they lead to.
struct Grid {
    double from, to, squares[tried];
    double step() const { return (to - from) / (tried - 1); }

    // The lowest point of the parabola through the best weight and those beside it.
    double vertex() const {
        const int least = static_cast<int>(std::min_element(squares, squares + tried) - squares);
        const double at = from + step() * least;
        if (least == 0 || least == tried - 1) return at;
        const double before = squares[least - 1] - squares[least], after = squares[least + 1] - squares[least];
        return before + after > 0 ? at + 0.5 * step() * (before - after) / (before + after) : at;
    }
};

template <int W>
Grid try_between(const Sight& sight, double from, double to, Found& best) {
    Grid grid{std::max(lowest, from), std::min(highest, to), {}};
    double alpha[tried];
    for (int c = 0; c < tried; ++c) alpha[c] = grid.from + grid.step() * c;
    for (int first = 0; first < tried; first += W) {
        const Normal<W> sums = pass<W>(sight, Lanes<W>::load(alpha + first));
        for (int lane = 0; lane < W; ++lane) {
            const Found one = solved<W>(sums, lane, alpha[first + lane], sight.optimised);
            grid.squares[first + lane] = one.squares;
            if (one.squares < best.squares) best = one;
        }
    }
    return grid;
}

}  // namespace

template <int W>
Found search(const Sight& sight) {
    Found best;
    Grid grid = try_between<W>(sight, lowest, highest, best);
    for (int zoom = 0; zoom < zooms; ++zoom) grid = try_between<W>(sight, best.alpha - grid.step(), best.alpha + grid.step(), best);
    try_between<W>(sight, grid.vertex() - grid.step() / 4, grid.vertex() + grid.step() / 4, best);
    return best;
}

template Found search<FORECASTER_LANES>(const Sight&);

}  // namespace forecaster

// A season taken out of a series: Cleveland, Cleveland, McRae & Terpenning (1990), "STL: a seasonal-trend decomposition procedure based
// on loess".
//
//     five times (after two, as in R, a season of sines still lacks 4% of its height), from trend T = 0
//         C = every step of the season of x - T smoothed on its own over the seasons, and one season further at both ends
//         S = C - loess(mean over 3 of mean over m of mean over m of C)
//         T = loess(x - S)
//
// Loess at a place: a weighted mean (degree 0) or line (degree 1) through the `window` nearest values, weights (1 - (d/h)^3)^3. Places
// are evenly spaced, so loess is a matrix of weights that does not depend on the values: it is made once per length and applied to all
// series and seasons of that length. The trend is taken at every (window/10)-th place and joined by straight lines, as in R.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "parallel.hpp"

namespace forecaster {

constexpr Index next_odd(double x) {
    const Index up = static_cast<Index>(std::ceil(x));
    return up + (up % 2 == 0);
}

// Loess of n evenly spaced values, from `from` to `to` (both ends included, beyond the values where asked).
class Loess {
  public:
    Loess() = default;
    Loess(Index n, Index window, int degree, Index jump, Index from, Index to) : from_(from), to_(to), kept_(std::min(window, n)) {
        for (Index x = from; x < to; x += jump) places_.push_back(x);
        places_.push_back(to);
        for (const Index x : places_) add(n, window, degree, x);
    }

    // Writes the smoothed values of y[0], y[step], ... to out[0], out[stride], ...
    void apply(const double* y, Index step, double* out, Index stride) const {
        double before = at(0, y, step);
        out[0] = before;
        for (std::size_t p = 1; p < places_.size(); ++p) {
            const double here = at(p, y, step);
            const Index first = places_[p - 1], gap = places_[p] - first;
            for (Index i = 1; i <= gap; ++i)
                out[(first - from_ + i) * stride] = before + (here - before) * static_cast<double>(i) / static_cast<double>(gap);
            before = here;
        }
    }

    // Sum over all values of the weight that each has in its own smoothed value, where every value is a place.
    double trace() const {
        double sum = 0;
        for (std::size_t p = 0; p < places_.size(); ++p) {
            const Index own = places_[p] - left_[p];
            if (places_[p] > from_ && places_[p] < to_) sum += weights_[static_cast<Index>(p) * kept_ + own];
        }
        return sum;
    }

  private:
    Index from_ = 0, to_ = 0, kept_ = 0;
    std::vector<Index> places_, left_;
    std::vector<double> weights_;

    double at(std::size_t p, const double* y, Index step) const {
        const double* weight = weights_.data() + static_cast<Index>(p) * kept_;
        const double* first = y + left_[p] * step;
        double sum = 0;
        for (Index i = 0; i < kept_; ++i) sum += weight[i] * first[i * step];
        return sum;
    }

    void add(Index n, Index window, int degree, Index x) {
        const Index left = std::clamp<Index>(x - (window - 1) / 2, 0, n - kept_), right = left + kept_ - 1;
        const double farthest = static_cast<double>(std::max(x - left, right - x)) + (window > n ? static_cast<double>((window - n) / 2) : 0.0);
        std::vector<double> weight(kept_);
        double sum = 0, mean = 0, spread = 0;
        for (Index i = 0; i < kept_; ++i) {
            const double d = std::fabs(static_cast<double>(left + i - x)), r = farthest > 0 ? d / farthest : 0.0;
            weight[i] = r > 0.999 ? 0.0 : r <= 0.001 ? 1.0 : std::pow(1 - r * r * r, 3);
            sum += weight[i];
        }
        for (Index i = 0; i < kept_; ++i) mean += (weight[i] /= sum) * static_cast<double>(left + i);
        for (Index i = 0; i < kept_; ++i) spread += weight[i] * (static_cast<double>(left + i) - mean) * (static_cast<double>(left + i) - mean);
        if (degree == 1 && std::sqrt(spread) > 0.001 * static_cast<double>(n - 1))
            for (Index i = 0; i < kept_; ++i) weight[i] *= 1 + (static_cast<double>(x) - mean) / spread * (static_cast<double>(left + i) - mean);
        left_.push_back(left);
        weights_.insert(weights_.end(), weight.begin(), weight.end());
    }
};

// Everything that STL needs to know about a length and a period.
struct Stl {
    Index n, period;
    double share;  // of the noise that goes into the season
    Loess longer, shorter, low, trend;

    Stl(Index n, Index period, Index window) : n(n), period(period) {
        const Index least = n / period;
        if (n % period > 0) longer = Loess(least + 1, window, 0, 1, -1, least + 1);
        shorter = Loess(least, window, 0, 1, -1, least);
        const Index odd = next_odd(static_cast<double>(period));
        low = Loess(n, odd, 1, (odd + 9) / 10, 0, n - 1);
        const Index wide = next_odd(1.5 * static_cast<double>(period) / (1 - 1.5 / static_cast<double>(window)));
        trend = Loess(n, wide, 1, (wide + 9) / 10, 0, n - 1);
        const Index more = n % period;
        const double own = static_cast<double>(more) * longer.trace() + static_cast<double>(period - more) * shorter.trace();
        share = own / static_cast<double>(n);
    }
};

// What one thread works with.
struct StlRoom {
    std::vector<double> trend, rest, cycle, mean, smooth;
    std::map<std::pair<Index, Index>, Stl> plans;  // by period and window, of one length

    const Stl& plan(Index n, Index period, Index window) {
        if (!plans.empty() && plans.begin()->second.n != n) plans.clear();
        return plans.try_emplace({period, window}, n, period, window).first->second;
    }
};

// Means over `width` neighbours; `size` values become size - width + 1.
inline void moving_mean(const std::vector<double>& x, Index size, Index width, std::vector<double>& out) {
    out.resize(size - width + 1);
    double sum = 0;
    for (Index i = 0; i < size; ++i) {
        sum += x[i];
        if (i >= width) sum -= x[i - width];
        if (i >= width - 1) out[i - width + 1] = sum / static_cast<double>(width);
    }
}

inline void stl(const double* x, const Stl& plan, StlRoom& room, double* season) {
    const Index n = plan.n, m = plan.period;
    room.trend.assign(n, 0.0);
    room.rest.resize(n);
    room.cycle.resize(n + 2 * m);
    room.smooth.resize(n);
    constexpr int rounds = 5;
    for (int round = 0; round < rounds; ++round) {
        for (Index t = 0; t < n; ++t) room.rest[t] = x[t] - room.trend[t];
        for (Index j = 0; j < m; ++j) (j < n % m ? plan.longer : plan.shorter).apply(room.rest.data() + j, m, room.cycle.data() + j, m);
        moving_mean(room.cycle, n + 2 * m, m, room.mean);
        moving_mean(room.mean, n + m + 1, m, room.smooth);
        moving_mean(room.smooth, n + 2, 3, room.mean);
        room.smooth.resize(n);
        plan.low.apply(room.mean.data(), 1, room.smooth.data(), 1);
        for (Index t = 0; t < n; ++t) {
            season[t] = room.cycle[t + m] - room.smooth[t];
            room.rest[t] = x[t] - season[t];
        }
        plan.trend.apply(room.rest.data(), 1, room.trend.data(), 1);
    }
}

}  // namespace forecaster

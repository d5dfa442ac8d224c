// Where fitting starts: initial states by classical decomposition and a straight line through the first seasons.
// Source: Hyndman, Koehler, Ord & Snyder (2008), section 2.6.1; missing values are left out of every mean.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "ets.hpp"

namespace forecaster::ets {

// One series as fitting sees it: from its first to its last observed value, divided by the mean of |y|.
struct Scaled {
    std::vector<double> y, held;  // NaN where missing; what is held back from the end
    Index seen = 0;
    double scale = 1;
    bool positive = true;

    void of(const double* values, Index n) {
        double most = 0, sum = 0;
        seen = 0, positive = true;
        for (Index t = 0; t < n; ++t) {
            if (!std::isfinite(values[t])) continue;
            ++seen;
            positive = positive && values[t] > 0;
            most = std::max(most, std::fabs(values[t]));
        }
        if (most > 0)
            for (Index t = 0; t < n; ++t) sum += std::isfinite(values[t]) ? std::fabs(values[t]) / most : 0;
        scale = most > 0 ? std::max(sum / static_cast<double>(seen) * most, std::numeric_limits<double>::min()) : 1;
        y.resize(n);
        for (Index t = 0; t < n; ++t) y[t] = std::isfinite(values[t]) ? values[t] / scale : std::nan("");
        held.clear();
    }

    // Takes `steps` from the end, but no more than a third; whether any were.
    bool hold_back(Index steps) {
        const Index size = static_cast<Index>(y.size()), taken = std::min(steps, size / 3);
        held.assign(y.end() - taken, y.end());
        y.resize(size - taken);
        seen -= count(held);
        return taken > 0;
    }

    void give_back() {
        seen += count(held);
        y.insert(y.end(), held.begin(), held.end());
        held.clear();
    }

  private:
    static Index count(const std::vector<double>& values) {
        return std::count_if(values.begin(), values.end(), [](double one) { return std::isfinite(one); });
    }
};

// The values with their season taken out by a kind of season.
inline double without(double y, Season season, double s) {
    return season == Season::additive ? y - s : season == Season::multiplicative ? y / s : y;
}

// Mean deviation (or ratio) of each step of the season from the centred moving average of one period; mean 0 (or 1).
class Decomposition {
  public:
    // `season` has one number per step of the period.
    void of(const std::vector<double>& y, int period, Season kind, double* season) {
        average(y, period);
        sums_.assign(period, 0.0);
        counts_.assign(period, 0.0);
        for (std::size_t t = 0; t < y.size(); ++t) {
            const double off = kind == Season::additive ? y[t] - mean_[t] : y[t] / mean_[t];
            if (!std::isfinite(off)) continue;
            sums_[t % period] += off;
            counts_[t % period] += 1;
        }
        const double neutral = kind == Season::additive ? 0 : 1;
        for (int i = 0; i < period; ++i) season[i] = counts_[i] > 0 ? sums_[i] / counts_[i] : neutral;
        if (kind == Season::multiplicative)
            for (int i = 0; i < period; ++i) season[i] = std::max(season[i], 0.02);
        double mean = 0;
        for (int i = 0; i < period; ++i) mean += season[i] / period;
        for (int i = 0; i < period; ++i) season[i] = kind == Season::additive ? season[i] - mean : season[i] / mean;
    }

  private:
    std::vector<double> mean_, before_, seen_, sums_, counts_;

    // The moving average of one period about each value; NaN at the ends and where less than half of it was observed.
    void average(const std::vector<double>& y, int period) {
        const Index n = static_cast<Index>(y.size()), half = period / 2;
        before_.assign(n + 1, 0.0);
        seen_.assign(n + 1, 0.0);
        for (Index t = 0; t < n; ++t) {
            const bool there = std::isfinite(y[t]);
            before_[t + 1] = before_[t] + (there ? y[t] : 0);
            seen_[t + 1] = seen_[t] + there;
        }
        mean_.assign(n, std::nan(""));
        const Index even = period % 2 == 0;  // then the two outer values count half
        for (Index t = half; t + half < n; ++t) {
            const auto between = [&](const std::vector<double>& of, Index from, Index to) { return of[to + 1] - of[from]; };
            const auto window = [&](const std::vector<double>& of) {
                return 0.5 * (between(of, t - half + even, t + half) + between(of, t - half, t + half - even));
            };
            if (const double count = window(seen_); count >= 0.5 * period) mean_[t] = window(before_) / count;
        }
    }
};

struct Line {
    double at_zero, slope, mean, middle;  // `mean` of the values, whose times have the mean `middle`
};

// Least squares through the first max(10, 2 periods) values that were observed, the season taken out; time counts from 1.
inline Line first_line(const std::vector<double>& y, int period, Season kind, const double* season) {
    double n = 0, st = 0, sy = 0, stt = 0, sty = 0;
    const double most = std::max(10, 2 * period);
    for (std::size_t t = 0; t < y.size() && n < most; ++t) {
        if (!std::isfinite(y[t])) continue;
        const double v = without(y[t], kind, kind == Season::none ? 0 : season[t % period]), u = static_cast<double>(t) + 1;
        n += 1, st += u, sy += v, stt += u * u, sty += u * v;
    }
    const double spread = n * stt - st * st;
    const double slope = spread > 0 ? (n * sty - st * sy) / spread : 0;
    return {(sy - slope * st) / n, slope, sy / n, st / n};
}

}  // namespace forecaster::ets

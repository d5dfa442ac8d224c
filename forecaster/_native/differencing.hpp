// How often to difference a series: KPSS for plain differences, the strength of the season for seasonal ones.
//
//     KPSS (Kwiatkowski, Phillips, Schmidt and Shin 1992):  sum of squared partial sums / (n^2 long-run variance), Bartlett window
//     strength of the season (Wang, Smith and Hyndman 2006):  max(0, 1 - var(remainder) / var(season + remainder)) of an STL
//
// STL (see stl.hpp) has the settings of R's forecast package: seasonal window 11, no robustness.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.hpp"
#include "stl.hpp"

namespace forecaster {

using Values = std::vector<double>;

inline void difference_at(Values& w, Index lag) {
    const Index n = static_cast<Index>(w.size());
    for (Index t = 0; t + lag < n; ++t) w[t] = w[t + lag] - w[t];
    w.resize(std::max<Index>(n - lag, 0));
}

inline double mean_of(const Values& x) {
    double sum = 0;
    for (double v : x) sum += v;
    return x.empty() ? 0.0 : sum / static_cast<double>(x.size());
}

// Sum of squares about the mean.
inline double spread_of(const Values& x) {
    const double mean = mean_of(x);
    double sum = 0;
    for (double v : x) sum += (v - mean) * (v - mean);
    return sum;
}

constexpr double kpss_5 = 0.463, kpss_1 = 0.739;  // critical values for a level

// Whether KPSS rejects a stationary level, with trunc(3 sqrt(n) / 13) lags as R's ndiffs: none below 19 values, where one would leave
// too little to reject with.
inline bool wanders(const Values& x, double critical) {
    const Index n = static_cast<Index>(x.size()), lags = static_cast<Index>(3 * std::sqrt(static_cast<double>(n)) / 13);
    const double mean = mean_of(x);
    double partial = 0, sums = 0, variance = spread_of(x);
    for (double v : x) partial += v - mean, sums += partial * partial;
    for (Index lag = 1; lag <= lags; ++lag) {
        double s = 0;
        for (Index t = lag; t < n; ++t) s += (x[t] - mean) * (x[t - lag] - mean);
        variance += 2 * s * (1 - static_cast<double>(lag) / static_cast<double>(lags + 1));
    }
    return variance > 0 && sums > critical * static_cast<double>(n) * variance;
}

// Strength of the season of `m` steps in y, between 0 and 1; y holds two seasons or more.
inline double seasonal_strength(const Values& y, Index m, StlRoom& room) {
    constexpr Index window = 11;
    const Index n = static_cast<Index>(y.size());
    Values both(n), rest(n);
    stl(y.data(), room.plan(n, m, window), room, both.data());
    for (Index t = 0; t < n; ++t) rest[t] = y[t] - both[t] - room.trend[t], both[t] += rest[t];
    const double spread = spread_of(both);
    return spread > 0 ? std::clamp(1 - spread_of(rest) / spread, 0.0, 1.0) : 0.0;
}

}  // namespace forecaster

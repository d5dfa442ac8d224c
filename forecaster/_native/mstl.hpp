// Several seasons taken out of a series. MSTL: Bandara, Hyndman & Bergmeir (2021), "MSTL: a seasonal-trend decomposition algorithm for
// time series with multiple seasonal patterns"; STL in stl.hpp.
//
//     twice (once for a single period), for every period m_i, ascending: S_i = STL of y - sum_{j != i} S_j with window 7 + 4 i
//
// A season follows some of the noise. The share that it takes is the mean weight of a value in its own smoothed value (the trace of the
// matrix over n), so what is left varies less than the errors of a forecast will, by one minus the shares of all seasons.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "season.hpp"
#include "stl.hpp"

namespace forecaster {

constexpr Index window_of(std::size_t i) { return 11 + 4 * static_cast<Index>(i); }

// Takes the seasons of `periods` (ascending) out of one series: `left` is what is left of x, and `last` gets, period after period, the
// seasons of the steps after the end. A period that does not fit twice has none; missing values stay missing. The share of the noise that
// all seasons take comes back.
inline double mstl(const double* x, Index n, const std::vector<Index>& periods, StlRoom& room, double* left, double* last) {
    std::vector<double> rest, seasons(n * periods.size(), 0.0), without;
    bridge(x, n, rest);
    const auto fits = [n](Index period) { return period > 1 && n >= 2 * period; };
    const int rounds = periods.size() > 1 ? 2 : 1;
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < periods.size(); ++i) {
            if (!fits(periods[i])) continue;
            double* season = seasons.data() + static_cast<Index>(i) * n;
            for (Index t = 0; t < n; ++t) rest[t] += season[t];
            stl(rest.data(), room.plan(n, periods[i], window_of(i)), room, season);
            for (Index t = 0; t < n; ++t) rest[t] -= season[t];
        }
    for (Index t = 0; t < n; ++t) left[t] = std::isfinite(x[t]) ? rest[t] : x[t];
    for (std::size_t i = 0; i < periods.size(); ++i)
        for (Index j = 0; j < periods[i]; ++j) *last++ = fits(periods[i]) ? seasons[static_cast<Index>(i) * n + n - periods[i] + j] : 0.0;
    double share = 0;
    for (std::size_t i = 0; i < periods.size(); ++i)
        if (fits(periods[i])) share += room.plan(n, periods[i], window_of(i)).share;
    return share;
}

}  // namespace forecaster

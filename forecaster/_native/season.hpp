// One season of a series: is there one, and what are its indices?
//
// Test: the autocorrelation at lag m against 1.645 standard errors, sqrt((1 + 2 sum_{k<m} r_k^2) / n) (Bartlett 1946; used for the
// Theta method by Assimakopoulos & Nikolopoulos 2000). Indices: classical decomposition, the mean at each step of the season of what
// a centred moving average over one season leaves. Missing values are filled in along a straight line, for this purpose alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace forecaster {

using Index = std::int64_t;

// Observed values with a straight line across every gap; flat before the first and after the last.
inline void bridge(const double* x, Index n, std::vector<double>& out) {
    out.assign(x, x + n);
    Index last = -1;
    for (Index t = 0; t < n; ++t) {
        if (!std::isfinite(x[t])) continue;
        for (Index i = last + 1; i < t; ++i)
            out[i] = last < 0 ? x[t] : x[last] + (x[t] - x[last]) * static_cast<double>(i - last) / static_cast<double>(t - last);
        last = t;
    }
    for (Index i = last + 1; i < n && last >= 0; ++i) out[i] = x[last];
}

inline double autocovariance(const std::vector<double>& x, double mean, Index lag) {
    double sum = 0;
    for (std::size_t t = lag; t < x.size(); ++t) sum += (x[t] - mean) * (x[t - lag] - mean);
    return sum;
}

inline double mean_of(const std::vector<double>& x) {
    double sum = 0;
    for (const double value : x) sum += value;
    return sum / static_cast<double>(x.size());
}

inline bool is_seasonal(const std::vector<double>& x, Index m) {
    const double n = static_cast<double>(x.size()), mean = mean_of(x), variance = autocovariance(x, mean, 0);
    if (m < 2 || static_cast<Index>(x.size()) < 2 * m || !(variance > 0)) return false;
    double squares = 0;
    for (Index lag = 1; lag < m; ++lag) {
        const double r = autocovariance(x, mean, lag) / variance;
        squares += r * r;
    }
    return std::fabs(autocovariance(x, mean, m) / variance) > 1.645 * std::sqrt((1 + 2 * squares) / n);
}

// The centred moving average over one season at t; half weights at the ends where the season is even.
inline double season_mean(const std::vector<double>& x, Index t, Index m) {
    const Index half = m / 2;
    double sum = 0;
    for (Index i = t - half + (m % 2 == 0); i <= t + half - (m % 2 == 0); ++i) sum += x[i];
    if (m % 2 == 0) sum += 0.5 * (x[t - half] + x[t + half]);
    return sum / static_cast<double>(m);
}

// Indices by t % m, of mean 1 (multiplicative) or 0.
inline void indices(const std::vector<double>& x, Index m, bool multiplicative, double* out) {
    const Index n = static_cast<Index>(x.size()), half = m / 2;
    std::vector<double> count(m, 0.0);
    std::fill(out, out + m, 0.0);
    for (Index t = half; t < n - half; ++t) {
        const double trend = season_mean(x, t, m);
        out[t % m] += multiplicative ? x[t] / trend : x[t] - trend;
        count[t % m] += 1;
    }
    double mean = 0;
    for (Index j = 0; j < m; ++j) mean += (out[j] /= count[j]) / static_cast<double>(m);
    for (Index j = 0; j < m; ++j) out[j] = multiplicative ? out[j] / mean : out[j] - mean;
}

enum class Season : Index { none, multiplicative, additive };

// Writes indices by t % m and tells their kind; multiplicative ones need positive values and indices well above zero.
inline Season find_season(const double* x, Index n, Index m, Season wanted, double* out) {
    thread_local std::vector<double> whole;
    bridge(x, n, whole);
    if (wanted == Season::none || !is_seasonal(whole, m)) return Season::none;
    if (wanted == Season::multiplicative && *std::min_element(whole.begin(), whole.end()) > 0) {
        indices(whole, m, true, out);
        if (*std::min_element(out, out + m) > 0.01) return Season::multiplicative;
    }
    indices(whole, m, false, out);
    return Season::additive;
}

inline double without_season(double y, Season kind, double index) {
    return kind == Season::multiplicative ? y / index : kind == Season::additive ? y - index : y;
}

inline double with_season(double y, Season kind, double index) {
    return kind == Season::multiplicative ? y * index : kind == Season::additive ? y + index : y;
}

}  // namespace forecaster

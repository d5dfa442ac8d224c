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

inline double mean_of(const std::vector<double>& x) {
    double sum = 0;
    for (const double value : x) sum += value;
    return sum / static_cast<double>(x.size());
}

// Sums of (x_t - mean)(x_{t-lag} - mean) for lag = 0 .. m. All lags advance together, so that no sum waits for its last addition.
inline void autocovariances(const std::vector<double>& x, Index m, std::vector<double>& sums) {
    const Index n = static_cast<Index>(x.size());
    const double mean = mean_of(x);
    std::vector<double> backwards(n);
    for (Index t = 0; t < n; ++t) backwards[n - 1 - t] = x[t] - mean;
    sums.assign(m + 1, 0.0);
    for (Index t = 0; t < n; ++t) {
        const double* past = backwards.data() + (n - 1 - t);
        const double now = *past;
        for (Index lag = 0; lag <= std::min(m, t); ++lag) sums[lag] += now * past[lag];
    }
}

inline bool is_seasonal(const std::vector<double>& x, Index m) {
    if (m < 2 || static_cast<Index>(x.size()) < 2 * m) return false;
    std::vector<double> r;
    autocovariances(x, m, r);
    if (!(r[0] > 0)) return false;
    double squares = 0;
    for (Index lag = 1; lag < m; ++lag) squares += (r[lag] / r[0]) * (r[lag] / r[0]);
    return std::fabs(r[m] / r[0]) > 1.645 * std::sqrt((1 + 2 * squares) / static_cast<double>(x.size()));
}

// Centred moving averages over one season, half weights at the ends where it is even; the first belongs to t = m / 2.
inline void season_means(const std::vector<double>& x, Index m, std::vector<double>& out) {
    const Index half = m / 2, size = static_cast<Index>(x.size()) - 2 * half;
    out.assign(size, 0.0);
    for (Index i = 0; i <= 2 * half; ++i) {
        const double weight = (m % 2 == 0 && (i == 0 || i == 2 * half) ? 0.5 : 1.0) / static_cast<double>(m);
        for (Index t = 0; t < size; ++t) out[t] += weight * x[t + i];
    }
}

// Indices by t % m, of mean 1 (multiplicative) or 0.
inline void indices(const std::vector<double>& x, Index m, bool multiplicative, double* out) {
    const Index n = static_cast<Index>(x.size()), half = m / 2;
    std::vector<double> count(m, 0.0), trend;
    season_means(x, m, trend);
    std::fill(out, out + m, 0.0);
    for (Index t = half; t < n - half; ++t) {
        out[t % m] += multiplicative ? x[t] / trend[t - half] : x[t] - trend[t - half];
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

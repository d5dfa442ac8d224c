// How often to difference a series: KPSS for plain differences, the strength of the season for seasonal ones.
//
//     KPSS (Kwiatkowski, Phillips, Schmidt and Shin 1992):  sum of squared partial sums / (n^2 long-run variance), Bartlett window
//     strength of the season (Wang, Smith and Hyndman 2006):  max(0, 1 - var(remainder) / var(season + remainder)) of an STL
//
// STL (Cleveland et al. 1990) is used with the settings of R's forecast package: seasonal window 11, no robustness, so that each
// of its smoothers is a fixed linear filter whose weights are the same for all rows away from the ends.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.hpp"

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

// Loess on whole steps 1 .. n as a table of weights, with `beyond` extrapolated points on either side.
class Loess {
  public:
    void prepare(Index n, Index window, int degree, Index beyond) {
        if (n == n_ && window == window_ && degree == degree_ && beyond == beyond_) return;
        n_ = n, window_ = window, degree_ = degree, beyond_ = beyond, width_ = std::min(window, n);
        const Index rows = n + 2 * beyond;
        left_.resize(rows), weights_.assign(rows * width_, 0.0);
        for (Index row = 0; row < rows; ++row) {
            const double x = static_cast<double>(row + 1 - beyond);
            left_[row] = std::clamp<Index>(row - beyond - window / 2, 0, n - width_);
            // Between the ends every row weighs its neighbours alike.
            if (row > 0 && left_[row] == left_[row - 1] + 1 && left_[row] < n - width_ && row > beyond + window / 2 + 1)
                std::copy_n(&weights_[(row - 1) * width_], width_, &weights_[row * width_]);
            else
                weigh(x, static_cast<double>(left_[row] + 1), &weights_[row * width_]);
        }
    }

    template <class In>
    void smooth(In in, double* out) const {
        for (Index row = 0; row < static_cast<Index>(left_.size()); ++row) {
            const double* w = &weights_[row * width_];
            double sum = 0;
            for (Index j = 0; j < width_; ++j) sum += w[j] * in(left_[row] + j);
            out[row] = sum;
        }
    }

  private:
    Index n_ = -1, window_ = 0, beyond_ = 0, width_ = 0;
    int degree_ = 0;
    std::vector<Index> left_;
    Values weights_;

    void weigh(double x, double from, double* w) const {
        double reach = std::max(x - from, from + static_cast<double>(width_ - 1) - x), sum = 0;
        if (window_ > n_) reach += static_cast<double>((window_ - n_) / 2);
        for (Index j = 0; j < width_; ++j) {
            const double far = std::fabs(from + static_cast<double>(j) - x), u = far / std::max(reach, 1e-300);
            w[j] = far > 0.999 * reach && reach > 0 ? 0.0 : far <= 0.001 * reach ? 1.0 : std::pow(1 - u * u * u, 3);
            sum += w[j];
        }
        for (Index j = 0; j < width_; ++j) w[j] /= sum;
        if (degree_ > 0) tilt(x, from, w);
    }

    void tilt(double x, double from, double* w) const {
        double centre = 0, second = 0;
        for (Index j = 0; j < width_; ++j) centre += w[j] * (from + static_cast<double>(j));
        for (Index j = 0; j < width_; ++j) second += w[j] * std::pow(from + static_cast<double>(j) - centre, 2);
        if (std::sqrt(second) <= 0.001 * static_cast<double>(n_ - 1)) return;
        for (Index j = 0; j < width_; ++j) w[j] *= (x - centre) / second * (from + static_cast<double>(j) - centre) + 1.0;
    }
};

class SeasonalStrength {
  public:
    // Strength of the season of `m` steps in y, between 0 and 1; y holds two seasons or more.
    double operator()(const Values& y, Index m) {
        prepare(static_cast<Index>(y.size()), m);
        std::fill(trend_.begin(), trend_.end(), 0.0);
        for (int round = 0; round < 5; ++round) {
            cycles(y);
            const double* level = low_pass();
            for (Index t = 0; t < n_; ++t) season_[t] = cycle_[m_ + t] - level[t], rest_[t] = y[t] - season_[t];
            trend_loess_.smooth([this](Index t) { return rest_[t]; }, trend_.data());
        }
        for (Index t = 0; t < n_; ++t) rest_[t] = y[t] - season_[t] - trend_[t], season_[t] += rest_[t];
        const double both = spread_of(season_);
        return both > 0 ? std::clamp(1 - spread_of(rest_) / both, 0.0, 1.0) : 0.0;
    }

  private:
    static constexpr Index seasonal_window_ = 11;
    Index n_ = 0, m_ = 0;
    Loess trend_loess_, low_loess_, short_loess_, long_loess_;
    Values trend_, season_, rest_, cycle_, once_, twice_, low_, points_;

    static Index odd(Index k) { return k + 1 - k % 2; }

    void prepare(Index n, Index m) {
        n_ = n, m_ = m;
        trend_loess_.prepare(n, odd(static_cast<Index>(std::ceil(1.5 * static_cast<double>(m) / (1 - 1.5 / seasonal_window_)))), 1, 0);
        low_loess_.prepare(n, odd(m + 1), 1, 0);
        short_loess_.prepare(n / m, seasonal_window_, 0, 1);
        long_loess_.prepare(n / m + 1, seasonal_window_, 0, 1);
        for (auto* v : {&trend_, &season_, &rest_, &low_}) v->resize(n);
        for (auto* v : {&cycle_, &once_, &twice_}) v->resize(n + 2 * m);
        points_.resize(n / m + 3);
    }

    // Smooths the detrended values of each season on their own, one season beyond either end.
    void cycles(const Values& y) {
        for (Index j = 0; j < m_; ++j) {
            const Index count = (n_ - j - 1) / m_ + 1;
            const Loess& loess = count == n_ / m_ ? short_loess_ : long_loess_;
            loess.smooth([&](Index i) { return y[j + i * m_] - trend_[j + i * m_]; }, points_.data());
            for (Index i = 0; i < count + 2; ++i) cycle_[j + i * m_] = points_[i];
        }
    }

    // Moving averages of m, m and 3 values, then loess: what of the cycles is trend.
    const double* low_pass() {
        moving_mean(cycle_, n_ + 2 * m_, once_);
        moving_mean(once_, n_ + m_ + 1, twice_);
        low_loess_.smooth([this](Index t) { return (twice_[t] + twice_[t + 1] + twice_[t + 2]) / 3; }, low_.data());
        return low_.data();
    }

    void moving_mean(const Values& in, Index n, Values& out) const {
        double sum = 0;
        for (Index t = 0; t < m_; ++t) sum += in[t];
        out[0] = sum / static_cast<double>(m_);
        for (Index t = m_; t < n; ++t) sum += in[t] - in[t - m_], out[t - m_ + 1] = sum / static_cast<double>(m_);
    }
};

}  // namespace forecaster

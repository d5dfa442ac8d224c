// What an exponential smoothing model says of the steps ahead: the mean path, closed-form variances, simulated paths.
// Source of the variances: Hyndman, Koehler, Ord & Snyder (2008), chapter 6 (classes 1, 2 and 3).
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "ets.hpp"

namespace forecaster::ets {

// A model that stands just before a step whose season is `phase`.
struct Standing {
    Form form;
    Rates<double> rate;
    double variance;      // of one error
    const double* state;  // level, slope, one seasonal state per step of the period
    int period;
    Index phase;

    double season(Index h) const { return state[2 + (phase + h) % period]; }
    bool closed() const { return !form.exponential() && (form.multiplicative || form.season != Season::multiplicative); }
};

// Forecasts of the next steps: the recursion with errors of zero.
inline void means(const Standing& at, Index steps, double* out) {
    with_form(at.form, [&]<bool multiplicative, Growth growth, Season season>() {
        Path<multiplicative, growth, season, double> path(at.rate, at.state[0], at.state[1]);
        for (Index h = 0; h < steps; ++h, path.skip()) out[h] = seasoned(path.next(), season, at.season(h));
    });
}

// A mean that is linear in the states: y_h = mean_h + deviation + error, where the deviation is that of level, slope and season by
// the errors before. Their covariances are carried on step by step; the error of step h has variance v, or v E[y_h^2] where it
// is multiplicative. Equal to v (1 + sum c_j^2), or to the recursion of theta_h, in the book's classes 1 and 2.
inline void linear_variances(const Standing& at, Index steps, const double* mean, double* out) {
    struct Pair {
        double l = 0, b = 0;
    };
    const auto& [alpha, beta, gamma, phi] = at.rate;
    const bool seasonal = at.form.seasonal();
    double ll = 0, lb = 0, bb = 0;            // of level and slope
    std::vector<double> own(at.period, 0.0);  // of each seasonal state
    std::vector<Pair> shared(seasonal ? at.period : 0);  // of each with level and slope
    for (Index h = 0; h < steps; ++h) {
        const Index r = h % at.period;
        double spread = ll + 2 * phi * lb + phi * phi * bb + own[r];
        if (seasonal) spread += 2 * (shared[r].l + phi * shared[r].b);
        const double error = at.variance * (at.form.multiplicative ? mean[h] * mean[h] + spread : 1.0);
        out[h] = spread + error;
        ll += 2 * phi * lb + phi * phi * bb + alpha * alpha * error;
        lb = phi * (lb + phi * bb) + alpha * beta * error;
        bb = phi * phi * bb + beta * beta * error;
        for (Pair& pair : shared) pair = {pair.l + phi * pair.b, phi * pair.b};
        if (!seasonal) continue;
        own[r] += gamma * gamma * error;
        shared[r].l += alpha * gamma * error;
        shared[r].b += beta * gamma * error;
    }
}

// First and second moments of the pair (level, slope) under x <- (F + G e) x with e normal, weighted by powers of 1 + gamma e.
struct Moments {
    double l, b, ll, lb, bb;

    // One step; `gamma` weighs it as an error that also moved the season which is forecast.
    Moments step(const Rates<double>& rate, double v, double gamma) const {
        // Rows of F: (1, phi), (0, phi); of G: (alpha, alpha phi), (beta, beta phi).
        const double q = l + rate.phi * b, s = rate.phi * b;
        const double qq = ll + 2 * rate.phi * lb + rate.phi * rate.phi * bb, qs = rate.phi * (lb + rate.phi * bb), ss = rate.phi * rate.phi * bb;
        const double a = rate.alpha, c = rate.beta;
        // Moments of e under the weights (1 + gamma e) and (1 + gamma e)^2.
        const double once = gamma * v, zero = 1 + gamma * gamma * v, one = 2 * gamma * v, two = v + 3 * gamma * gamma * v * v;
        return {q + a * q * once, s + c * q * once, qq * (zero + 2 * a * one + a * a * two), qs * zero + (a * qs + c * qq) * one + a * c * qq * two,
                ss * zero + 2 * c * qs * one + c * c * qq * two};
    }
};

// Multiplicative errors and seasons. Within the first season the seasonal states are known and the trend alone is random; each
// further season multiplies the state in question by 1 + gamma e of one step in the past, so the moments of the trend are
// carried on with that weight at that step, one season of the step after the other. Exact for normal errors.
inline void product_variances(const Standing& at, Index steps, double* out) {
    const Rates<double>& rate = at.rate;
    const double v = at.variance, l = at.state[0], b = at.state[1];
    Moments early{l, b, l * l, l * b, b * b};
    for (Index first = 0; first < std::min<Index>(at.period, steps); ++first) {
        Moments x = early;  // before step `first`, then before every step of the same season
        for (Index h = first; h < steps; h += at.period) {
            const double s = at.season(h), mean = s * (x.l + rate.phi * x.b);
            out[h] = s * s * (x.ll + 2 * rate.phi * x.lb + rate.phi * rate.phi * x.bb) * (1 + v) - mean * mean;
            for (int t = 0; t < at.period; ++t) x = x.step(rate, v, t == 0 ? rate.gamma : 0);
        }
        early = early.step(rate, v, 0);
    }
}

inline void variances(const Standing& at, Index steps, const double* mean, double* out) {
    if (at.form.season == Season::multiplicative) product_variances(at, steps, out);
    else linear_variances(at, steps, mean, out);
}

// Normal numbers from a seed. Source: Vigna's splitmix64; Box & Muller (1958).
class Normal {
  public:
    explicit Normal(std::uint64_t seed) : state_(seed) {}
    double operator()() {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));
        return radius * std::cos(2 * std::numbers::pi * uniform());
    }

  private:
    std::uint64_t state_;
    double uniform() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
    }
};

// Paths of `horizon` steps after `gap` more, with normal errors; out: (horizon, paths). An exponential trend exists for positive
// levels only: there, errors take at most all but a thousandth of the level and of its growth.
inline void simulate(const Standing& at, Index gap, Index horizon, Index paths, std::uint64_t seed, double* out) {
    Normal draw(seed);
    const double sigma = std::sqrt(at.variance);
    std::vector<double> season(at.period);
    with_form(at.form, [&]<bool multiplicative, Growth growth, Season kind>() {
        for (Index p = 0; p < paths; ++p) {
            Path<multiplicative, growth, kind, double> path(at.rate, at.state[0], at.state[1]);
            std::copy_n(at.state + 2, at.period, season.begin());
            for (Index h = 0; h < gap + horizon; ++h) {
                double& s = season[(at.phase + h) % at.period];
                const double before = path.level, mean = seasoned(path.next(), kind, s), e = sigma * draw();
                const double y = multiplicative ? mean * (1 + e) : mean + e;
                double f;
                path.take(y, s, f);
                path.lift(1e-3 * before, 1e-3);
                if (h >= gap) out[(h - gap) * paths + p] = y;
            }
        }
    });
}

// The quantile of sorted values, between two of them by linear interpolation; values that are no number come last and count.
inline double quantile(const std::vector<double>& sorted, double level) {
    const double place = level * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place), above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace forecaster::ets

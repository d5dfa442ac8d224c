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
    bool closed() const { return form.multiplicative || form.season != Season::multiplicative; }
};

inline double seasoned(double q, Season season, double s) {
    return season == Season::additive ? q + s : season == Season::multiplicative ? q * s : q;
}

// Forecasts of the next steps: the recursion with errors of zero.
inline void means(const Standing& at, Index steps, double* out) {
    double level = at.state[0], slope = at.state[1];
    for (Index h = 0; h < steps; ++h) {
        if (at.form.sloped()) coast<true>(at.rate, level, slope);
        out[h] = seasoned(level, at.form.season, at.season(h));
    }
}

// How much one error moves the forecast j steps on, j = 1 ..: c_j = alpha + beta (phi + .. + phi^j) + gamma at whole seasons.
inline std::vector<double> weights(const Standing& at, Index steps) {
    std::vector<double> c(steps);
    double power = 1, sum = 0;
    for (Index j = 1; j < steps; ++j) {
        sum += power *= at.rate.phi;
        c[j] = at.rate.alpha + at.rate.beta * sum + (at.form.seasonal() && j % at.period == 0 ? at.rate.gamma : 0);
    }
    return c;
}

// Additive errors: v_h = sigma^2 (1 + sum_{j<h} c_j^2).
inline void linear_variances(const Standing& at, Index steps, double* out) {
    const auto c = weights(at, steps);
    double sum = 1;
    for (Index h = 0; h < steps; ++h) out[h] = at.variance * (sum += h > 0 ? c[h] * c[h] : 0);
}

// Multiplicative errors on a linear mean: theta_h = mu_h^2 + sigma^2 sum_{j<h} c_j^2 theta_{h-j}, v_h = (1 + sigma^2) theta_h - mu_h^2.
inline void relative_variances(const Standing& at, Index steps, const double* mean, double* out) {
    const auto c = weights(at, steps);
    std::vector<double> theta(steps);
    for (Index h = 0; h < steps; ++h) {
        double excess = 0;
        for (Index j = 1; j <= h; ++j) excess += c[j] * c[j] * theta[h - j];
        theta[h] = mean[h] * mean[h] + at.variance * excess;
        out[h] = theta[h] * at.variance + at.variance * excess;
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
// carried on with that weight at that step. Exact for normal errors.
inline void product_variances(const Standing& at, Index steps, double* out) {
    const Rates<double>& rate = at.rate;
    const double v = at.variance, l = at.state[0], b = at.state[1];
    for (Index h = 0; h < steps; ++h) {
        Moments x{l, b, l * l, l * b, b * b};
        for (Index t = 0; t < h; ++t) x = x.step(rate, v, (h - t) % at.period == 0 ? rate.gamma : 0);
        const double s = at.season(h), mean = s * (x.l + rate.phi * x.b);
        out[h] = s * s * (x.ll + 2 * rate.phi * x.lb + rate.phi * rate.phi * x.bb) * (1 + v) - mean * mean;
    }
}

inline void variances(const Standing& at, Index steps, const double* mean, double* out) {
    if (!at.form.multiplicative) return linear_variances(at, steps, out);
    if (at.form.season != Season::multiplicative) return relative_variances(at, steps, mean, out);
    product_variances(at, steps, out);
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

// Paths of the next steps with normal errors; out: (steps, paths).
inline void simulate(const Standing& at, Index steps, Index paths, std::uint64_t seed, double* out) {
    Normal draw(seed);
    const double sigma = std::sqrt(at.variance);
    std::vector<double> season(at.period);
    with_form(at.form, [&]<bool multiplicative, bool sloped, Season kind>() {
        for (Index p = 0; p < paths; ++p) {
            double level = at.state[0], slope = at.state[1], f = 0;
            std::copy_n(at.state + 2, at.period, season.begin());
            for (Index h = 0; h < steps; ++h) {
                double& s = season[(at.phase + h) % at.period];
                const double mean = seasoned(sloped ? level + at.rate.phi * slope : level, kind, s), e = sigma * draw();
                out[h * paths + p] = multiplicative ? mean * (1 + e) : mean + e;
                advance<multiplicative, sloped, kind>(out[h * paths + p], at.rate, level, slope, s, f);
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

// Prophet (Taylor & Letham 2018, "Forecasting at scale", The American Statistician 72) without Stan: the posterior mode.
//
//     y = T (1 + Xm bm) + Xa ba + noise of deviation sigma                     y, cap in units of the scale of the series
//     u = k t + m + sum_j delta_j (t - s_j)+        T = u                      linear; flat: T = m
//     u = k t + c + sum_j delta_j (t - s_j)+        T = cap / (1 + exp(-u))    logistic, with c = -k m
//
// In the paper the logistic trend is k (t - m) with offsets gamma that keep it continuous at every changepoint; u is what they come to: a
// piecewise linear function, without the division by a rate that may be zero. With v = sigma^2 and p_i = 1 / (prior scale)^2 the mode minimises
//
//     f = n/2 log v + |y - yhat|^2 / (2 v) + sum|delta| / tau + (k^2 + m^2) / 50 + sum p_i b_i^2 / 2 + 2 v
//
// where m = -c / k for logistic growth: the search is for c, because values hold c fast and not m, and that prior takes its true Hessian.
//
// How the mode is found: prophet_mode.hpp.
#pragma once

#include <algorithm>
#include <cmath>

#include "dense.hpp"

namespace forecaster {

enum class Growth { linear, logistic, flat };

constexpr Index trend_columns = 2;  // k and m
constexpr int parts = 3;            // T, Xm, Xa

// The columns of one series: [k, m | X | changepoints], what is true of each, and its rows.
struct Calendar {
    Index n = 0, q = 0, p = 0;        // rows; columns before the changepoints; columns
    std::vector<Index> columns;       // which columns of X: those that are not all zero here
    std::vector<double> precision;    // of the quadratic penalty; 0 for changepoints (p, padded)
    std::vector<double> of_trend, of_product, of_sum;  // 1 where a column belongs to T, to Xm, to Xa (p, padded)
    std::vector<int> part;            // 0, 1, 2 of these three (p)
    Matrix rows;                       // (n rounded up to outer_rows, p)
    std::vector<Index> live;          // of each `outer_rows` rows: the column from which on they are zero, as changepoints to come are
    Matrix gram;                       // of the rows, where the Jacobian is constant (p, p)
};

struct Settings {
    Growth growth = Growth::linear;
    double tau = 0.05;
    bool multiplicative = false;
    bool hold_sigma = false;
    Index passes = 200;
    double tolerance = 1e-8;          // of `slack`: far below what matters, so that all levels of vector instructions end at the same mode
    double rolling_tolerance = 1e-4;  // a mode that newer values do not move stays as it is, bit for bit
    double near = 30;                 // below that second derivatives of the value count
    double close = 3;                 // below that the Hessian is kept
    double enough = 1e-6;             // below that the search ends as soon as rounding keeps it from getting closer
    double least_sigma = 1e-5;

    bool constant_jacobian() const { return growth != Growth::logistic && !multiplicative; }
};

struct Found {
    double v, criterion, slack;
    Index passes;
    bool sound;
};

// Minus the log prior of the first two parameters: its value, gradient and Hessian.
struct TrendPrior {
    double value, gradient[2], hessian[2][2];

    TrendPrior(const double* theta, bool logistic) {
        constexpr double p = 1 / 25.0;
        const double k = theta[0], c = theta[1], m = logistic ? -c / k : c;
        value = 0.5 * p * (k * k + m * m);
        gradient[0] = p * k, gradient[1] = p * m;
        hessian[0][0] = hessian[1][1] = p, hessian[0][1] = 0;
        if (!logistic) return;
        gradient[0] -= p * m * m / k, gradient[1] = -p * m / k;
        hessian[0][0] += 3 * p * m * m / (k * k), hessian[0][1] = 2 * p * m / (k * k), hessian[1][1] = p / (k * k);
    }
};

// Values of all rows at one parameter vector.
template <int W>
class Curve {
  public:
    void at(const Calendar& of, const Settings& how, const double* theta) {
        const Index stride = of.rows.stride;
        for (auto* part : {&trend_, &product_, &sum_}) part->assign(stride, 0.0);
        multiplies_ = std::any_of(of.of_product.begin(), of.of_product.end(), [](double x) { return x != 0; });
        adds_ = std::any_of(of.of_sum.begin(), of.of_sum.end(), [](double x) { return x != 0; });
        for (Index c = 0; c < of.p; ++c) {
            trend_[c] = theta[c] * of.of_trend[c];
            product_[c] = theta[c] * of.of_product[c];
            sum_[c] = theta[c] * of.of_sum[c];
        }
        logistic_ = how.growth == Growth::logistic;
    }

    bool multiplies() const { return multiplies_; }
    bool adds() const { return adds_; }

    // T and its first two derivatives by u; what multiplies it; what is added.
    struct Row {
        double trend, slope, bend, product, sum;
        double value() const { return trend * product + sum; }
    };

    Row row(const double* x, Index stride, double cap) const {
        const double u = dot<W>(x, trend_.data(), stride);
        const double sum = adds_ ? dot<W>(x, sum_.data(), stride) : 0.0;
        const double product = multiplies_ ? 1 + dot<W>(x, product_.data(), stride) : 1.0;
        if (!logistic_) return {u, 1.0, 0.0, product, sum};
        const double share = 1 / (1 + std::exp(-u)), slope = cap * share * (1 - share);
        return {cap * share, slope, slope * (1 - 2 * share), product, sum};
    }

    // x weighted three times, for the rows of the Hessian that belong to T, to Xm and to Xa: those of Xa by the derivative of the value.
    // `off` is what the second derivatives of the value are worth, 0 to leave them out.
    void derivatives(const Row& at, double off, const double* x, const Calendar& of, double* const* out) const {
        const double by_trend = at.slope * at.product;
        const double both[] = {by_trend * by_trend - off * at.bend * at.product, by_trend * at.trend - off * at.slope, by_trend};
        const double weights[][3] = {{both[0], both[1], both[2]}, {both[1], at.trend * at.trend, at.trend}, {both[2], at.trend, 1.0}};
        const bool there[] = {true, multiplies_, true};
        for (Index c = 0; c < of.rows.stride; c += W) {
            const auto in_trend = Lanes<W>::load(&of.of_trend[c]), in_product = Lanes<W>::load(&of.of_product[c]);
            const auto in_sum = Lanes<W>::load(&of.of_sum[c]);
            for (int part = 0; part < parts; ++part) {
                if (!there[part]) continue;
                const double* of_part = weights[part];
                const auto weight = Lanes<W>(of_part[0]) * in_trend + Lanes<W>(of_part[1]) * in_product + Lanes<W>(of_part[2]) * in_sum;
                (weight * Lanes<W>::load(x + c)).store(out[part] + c);
            }
        }
    }

  private:
    std::vector<double> trend_, product_, sum_;
    bool logistic_ = false, multiplies_ = false, adds_ = false;
};

}  // namespace forecaster

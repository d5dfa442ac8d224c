// One series on its way into the likelihood: trimmed, scaled, its gaps bridged, differenced, and the columns of its regression.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "arima.hpp"
#include "arima_filter.hpp"
#include "differencing.hpp"

namespace forecaster::arima {

struct Series {
    Values y;                   // observed span, gaps bridged by straight lines, divided by `scale`
    std::vector<int> columns;   // the covariates that it has
    std::vector<Values> x;      // these over the span, NaN as 0
    std::vector<Index> gaps;    // rows of the span that were not observed
    Index begin = 0;            // first observed row of the series
    Index after = 0;            // rows after the last observed one
    double scale = 1;
    Index observed() const { return static_cast<Index>(y.size() - gaps.size()); }

    void take(const Data& data, Index s) {
        const double* from = data.y + data.indptr[s];
        Index n = data.indptr[s + 1] - data.indptr[s];
        y.clear(), gaps.clear(), begin = after = 0;
        while (n > 0 && !std::isfinite(from[n - 1])) --n, ++after;
        while (begin < n && !std::isfinite(from[begin])) ++begin;
        y.assign(from + begin, from + n);
        rescale();
        bridge();
        columns.clear();
        for (int c = 0; c < data.covariates; ++c)
            if (has(data, s, c)) columns.push_back(c);
        x.resize(columns.size());
        for (std::size_t k = 0; k < x.size(); ++k) {
            x[k].resize(y.size());
            for (Index t = 0; t < static_cast<Index>(y.size()); ++t) {
                const double value = data.x[(data.indptr[s] + begin + t) * data.covariates + columns[k]];
                x[k][t] = std::isfinite(value) ? value : 0.0;
            }
        }
    }

  private:
    static bool has(const Data& data, Index s, int column) {
        for (Index row = data.indptr[s]; row < data.indptr[s + 1]; ++row)
            if (!std::isnan(data.x[row * data.covariates + column])) return true;
        return false;
    }

    void rescale() {
        double most = 0;
        for (double v : y)
            if (std::isfinite(v)) most = std::max(most, std::fabs(v));
        scale = most > 0 ? most : 1.0;
        for (double& v : y) v /= scale;
    }

    void bridge() {
        Index last = 0;
        for (Index t = 1; t < static_cast<Index>(y.size()); ++t) {
            if (!std::isfinite(y[t])) continue;
            for (Index gap = last + 1; gap < t; ++gap) {
                y[gap] = y[last] + (y[t] - y[last]) * static_cast<double>(gap - last) / static_cast<double>(t - last);
                gaps.push_back(gap);
            }
            last = t;
        }
    }
};

// Coefficients of (1 - B)^d (1 - B^m)^D, from lag 0.
inline Values difference_polynomial(int d, int D, int m) {
    Values out(d + D * m + 1, 0.0);
    out[0] = 1;
    auto times = [&out](int lag) {
        for (int i = static_cast<int>(out.size()) - 1; i >= lag; --i) out[i] -= out[i - lag];
    };
    for (int i = 0; i < d; ++i) times(1);
    for (int i = 0; i < D; ++i) times(m);
    return out;
}

inline void difference(Values& w, int d, int D, int m) {
    for (int i = 0; i < D; ++i) difference_at(w, m);
    for (int i = 0; i < d; ++i) difference_at(w, 1);
}

// The columns of the regression on differenced values; `centre` and `spread` are taken out of the series to keep its digits.
struct Prepared {
    Regression regression;
    double centre = 0, spread = 1;

    // `one_step`: errors are wanted that know nothing of later values, which columns of missing values do.
    void build(const Series& series, const Orders& orders, int m, bool one_step = false) {
        Values w = series.y;
        difference(w, orders.d, orders.D, m);
        Regression& r = regression;
        r.n = static_cast<Index>(w.size()), r.columns = 1, r.holes = 0, r.constant = orders.constant;
        r.starts.assign(1, 0), r.skips.clear(), r.weights = difference_polynomial(orders.d, orders.D, m);
        centre = orders.constant ? mean_of(w) : 0.0;
        double squares = 0;
        for (double& v : w) v -= centre, squares += v * v;
        spread = squares > 0 ? std::sqrt(squares / static_cast<double>(r.n)) : 1.0;
        for (double& v : w) v /= spread;
        r.values = std::move(w);
        if (orders.constant) add(Values(r.n, 1.0), 0);
        for (Values column : series.x) {
            const double rounding = std::ldexp(largest(column), orders.d + orders.D - single_bits);
            difference(column, orders.d, orders.D, m);
            if (largest(column) <= rounding) std::fill(column.begin(), column.end(), 0.0);
            add(column, 0);
        }
        const Index lost = static_cast<Index>(r.weights.size()) - 1;
        const bool skipped = one_step || !few(series, m);
        for (Index gap : series.gaps) {
            const Index first = gap - lost;  // row of the differences that the missing value is in first
            if (skipped && first >= 0) {
                r.skips.push_back(first);
                continue;
            }
            Values column(r.n, 0.0);
            for (Index i = std::max<Index>(-first, 0); i <= lost && first + i < r.n; ++i) column[first + i] = r.weights[i];
            add(column, std::max<Index>(first, 0));
            ++r.holes;
        }
    }

    // Puts what a likelihood expects there into the gaps of the series.
    template <int W>
    void complete(Series& series, const Likelihood<W>& likelihood) const {
        const int early = regression.holes, first = regression.columns - early;
        for (int g = 0; g < early; ++g) series.y[series.gaps[g]] -= likelihood.beta(first + g) * spread;
        for (std::size_t k = 0; k < regression.skips.size(); ++k) series.y[series.gaps[early + k]] += likelihood.deviation(k) * spread;
    }

  private:
    // A column costs a pass about as much as the series does; skipped rows, however many, cost it the square of the season, which takes
    // no longer up to a season of two dozen steps.
    static bool few(const Series& series, int m) { return static_cast<Index>(series.gaps.size()) + 24 <= m; }

    static constexpr int single_bits = 24;  // covariates come in single precision: of a periodic one, differencing may leave its rounding alone

    static double largest(const Values& column) {
        double most = 0;
        for (double v : column) most = std::max(most, std::fabs(v));
        return most;
    }

    void add(const Values& column, Index start) {
        regression.values.insert(regression.values.end(), column.begin(), column.end());
        regression.starts.push_back(start);
        ++regression.columns;
    }
};

}  // namespace forecaster::arima

// What a filter leaves of a series and its regressors, and least squares on it (see arima.hpp).
#pragma once

#include <algorithm>
#include <vector>

#include "lanes.hpp"
#include "levenberg.hpp"
#include "parallel.hpp"

namespace forecaster::arima {

constexpr double exact = 1e-13, close = 1e-8;  // when a filter is steady: for results, and while searching

// Column 0 is the series, then constant and covariates, then missing values in the order of time: those that differencing starts from,
// and where they are few the others too. Each is n long; a column is zero before its start. Missing values that are no column are skipped
// rows, filled with any value.
struct Regression {
    Index n = 0;
    int columns = 1, holes = 0;
    bool constant = false;       // whether column 1 is the constant
    std::vector<Index> skips;    // rows without an observation, ascending
    std::vector<double> weights; // polynomial of the differences, from lag 0
    std::vector<double> values;  // (columns, n)
    std::vector<Index> starts;   // (columns)
    Index used() const { return n - holes - static_cast<Index>(skips.size()); }
};

// One-step errors of every column, each row divided by the root of its variance.
template <int W>
struct Innovations {
    const Regression* data = nullptr;
    std::vector<Lanes<W>> errors;   // (n, columns)
    std::vector<Lanes<W>> state;    // predicted after the last row (states, columns), unless it is steady by then
    std::vector<double> variances;  // of lane 0, up to `steady`; 1 from there
    Lanes<W> logs;                  // sum of the logarithms of the variances
    Points points = Points::around; // of the pass; those beside others come to rest where these did
    Index steady = 0;
    Index still_from = 0;           // the row from which the errors of the constant stay as they are
    bool summed = false;            // whether the filter left the products of all columns of errors
    Lanes<W> products[3];           // then: of column 0 with itself, 1 with 0, 1 with itself

    void take(const Regression& regression, int states) {
        data = &regression;
        errors.resize(static_cast<std::size_t>(data->n) * data->columns);
        state.resize(static_cast<std::size_t>(states + 2) * data->columns);
        variances.resize(data->n);
    }
    Lanes<W>* row(Index t) { return errors.data() + t * data->columns; }
    const Lanes<W>* row(Index t) const { return errors.data() + t * data->columns; }
};

// The number that decides when all lanes have come to rest.
template <int W>
FORECASTER_INLINE double decisive(const Lanes<W>& lanes, Points points) {
    return points == Points::apart ? largest(lanes) : lanes[0];
}

// Sums the logarithms of variances and tells when they have come to rest: for as many rows as there are states, sixteen at a time.
template <int W>
struct Settling {
    const Points points;
    const Index end_of_rows;
    const double still;
    Lanes<W> logs = 0.0, product = 1.0, most = 0.0;
    Index quiet = 0;

    // Points apart wait for the last of them, which depends on how many there are, so that they have to be exact.
    Settling(const Innovations<W>& of, double still)
        : points(of.points), end_of_rows(points == Points::beside ? of.steady : of.data->n),
          still(points == Points::beside ? 0.0 : points == Points::apart ? exact : still) {}

    FORECASTER_INLINE bool goes_on(Index t, Index states) const { return t < end_of_rows && quiet <= states; }

    FORECASTER_INLINE void begin(const Lanes<W>& variance) { product *= variance; }
    FORECASTER_INLINE void end(Index t, const Lanes<W>& fell) {
        most = max(fell, most);
        if (t % 16 < 15) return;
        logs += log(product), product = 1.0;
        quiet = decisive(most, points) < still ? quiet + 16 : 0, most = 0.0;
    }
    Lanes<W> sum() const { return logs + log(product); }
};

template <int W>
class LeastSquares {
    using V = Lanes<W>;

  public:
    std::vector<V> beta;  // (columns); that of column 0 has no meaning
    V squares, scale;     // of the errors that are left; what makes the deviance a function of the scaled squares alone

    void take(const Regression& regression) {
        data_ = &regression;
        normal_.resize(static_cast<std::size_t>(data_->columns) * data_->columns);
        beta.assign(data_->columns, V(0.0));
    }

    // The deviance. Errors of the series on those of the regressors: Cholesky with missing values first, the series last.
    V solve(const Innovations<W>& from) {
        gram(from);
        const int last = data_->columns - 1;
        V spread = from.logs;
        auto at = [this, last](int i, int j) -> V& { return normal_[(last - i) * data_->columns + last - j]; };
        for (int i = 0; i <= last; ++i) {
            for (int j = 0; j < i; ++j) {
                V s = at(i, j);
                for (int t = 0; t < j; ++t) s -= at(i, t) * at(j, t);
                at(i, j) = s / at(j, j);
            }
            V s = at(i, i);
            const V whole = s;
            for (int t = 0; t < i; ++t) s -= at(i, t) * at(i, t);
            if (i == last) {
                squares = max(s, 1e-300);
                break;
            }
            // A regressor that the others explain gets no weight.
            at(i, i) = select(s > whole * 1e-12, sqrt(max(s, 1e-300)), V(1e150));
            if (i < data_->holes) spread += log(max(s, 1e-300));
        }
        for (int i = last - 1; i >= 0; --i) {
            V s = at(last, i);
            for (int t = i + 1; t < last; ++t) s -= at(t, i) * beta[last - t];
            beta[last - i] = s / at(i, i);
        }
        const double n = static_cast<double>(data_->used());
        scale = exp(spread * (0.5 / n));
        return log(squares * (1.0 / n)) * n + spread;
    }

  private:
    const Regression* data_ = nullptr;
    std::vector<V> normal_;

    // Products of all columns of errors. Four sums at a time, because each addition waits for the one before.
    void gram(const Innovations<W>& from) {
        const int columns = data_->columns;
        if (from.summed) {
            for (int b = 0, i = 0; b < columns; ++b)
                for (int c = 0; c <= b; ++c, ++i) normal_[b * columns + c] = normal_[c * columns + b] = from.products[i];
            return;
        }
        const Index n = data_->n;
        const V* errors = from.errors.data();
        for (int b = 0; b < columns; ++b)
            for (int c = 0; c <= b; ++c) {
                V sums[4] = {0.0, 0.0, 0.0, 0.0};
                Index t = data_->starts[b];
                for (; t + 4 <= n; t += 4)
                    for (int i = 0; i < 4; ++i) sums[i] += errors[(t + i) * columns + b] * errors[(t + i) * columns + c];
                for (; t < n; ++t) sums[0] += errors[t * columns + b] * errors[t * columns + c];
                normal_[b * columns + c] = normal_[c * columns + b] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
            }
    }
};

}  // namespace forecaster::arima

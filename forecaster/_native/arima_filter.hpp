// The exact likelihood of a stationary ARMA process with regressors, W parameter vectors at once (see arima.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "arima_gaps.hpp"
#include "arima_innovations.hpp"
#include "arima_process.hpp"
#include "arima_short.hpp"

namespace forecaster::arima {

template <int W>
class Likelihood {
    using V = Lanes<W>;

  public:
    // What to filter, and with how many coefficients. Once a step lowers the innovation variance by less than `still`, it is steady.
    void take(const Regression& data, const Orders& orders, int m, double still) {
        data_ = &data, n_ = data.n, columns_ = data.columns, still_ = still;
        process_.take(orders, m, data.n);
        out_.take(data, process_.states);
        least_.take(data);
        before_.resize(columns_), pull_.resize(columns_);
    }

    Index rows() const { return n_; }
    Index used() const { return data_->used(); }
    double rate(double squares) const { return static_cast<double>(used()) / squares; }

    // Deviance at partial autocorrelations: p AR, q MA, P seasonal AR, Q seasonal MA.
    V pass(const V* x, Points points) {
        V coefficients[most_parameters];
        process_.from_partial(x, coefficients);
        return run(coefficients, points);
    }

    // Deviance at coefficients in the same order.
    V run(const V* coefficients, Points points = Points::around) {
        process_.set(coefficients);
        out_.points = points, out_.summed = false;
        if (!data_->skips.empty())
            gaps_.run(process_, out_);
        else if (ShortFilter<W>::takes(process_, *data_))
            ShortFilter<W>{process_, out_, still_}.run();
        else if (columns_ == 1)
            filter<1>();
        else if (columns_ == 2 && data_->holes == 0)
            filter<2>();
        else
            filter<0>();
        return least_.solve(out_);
    }

    V residual(Index t) const {
        const V* e = out_.row(t);
        V sum = e[0];
        for (int c = 1; c < columns_; ++c) sum -= least_.beta[c] * e[c];
        return sum * least_.scale;
    }

    // At lane 0 from here on. One-step error of row t, its variance in units of that of the innovations.
    double innovation(Index t) const { return residual(t)[0] / least_.scale[0] * (t < out_.steady ? std::sqrt(out_.variances[t]) : 1.0); }
    double squares() const { return least_.squares[0]; }
    double beta(int c) const { return least_.beta[c][0]; }
    double deviation(std::size_t skip) const {
        return without_regressors([&](int c) { return gaps_.left(skip, c); });
    }

    int states() const { return process_.states; }
    void coefficients(const V* x, V* out) const { process_.from_partial(x, out); }

    // The predicted state after the last row: w is expected to be state[0] next, apart from regressors.
    void final_state(double* state) const {
        for (int i = 0; i < states(); ++i) state[i] = without_regressors([&](int c) { return column_state(i, c); });
    }

  private:
    double still_ = exact;
    const Regression* data_ = nullptr;
    Index n_ = 0;
    int columns_ = 1;
    Process<W> process_;
    Innovations<W> out_;
    LeastSquares<W> least_;
    GapFilter<W> gaps_;
    std::vector<V> gain_, lead_, before_, pull_;

    template <class Of>
    double without_regressors(Of of) const {
        double sum = of(0);
        for (int c = 1; c < columns_; ++c) sum -= beta(c) * of(c);
        return sum;
    }

    template <int Fixed>
    void filter() {
        gain_.assign(process_.first.begin(), process_.first.end());
        lead_ = gain_;
        out_.state.assign(out_.state.size(), V(0.0));
        V variance = process_.variance;
        Settling<W> settling(out_, still_);
        Index t = 0;
        int active = Fixed ? Fixed : columns_ - data_->holes;
        for (; settling.goes_on(t, process_.states); ++t) {
            if constexpr (Fixed == 0) active = begun(t, active);
            out_.variances[t] = variance[0];
            settling.begin(variance);
            const V fell = advance<Fixed>(t, active, variance);
            variance -= fell;
            settling.end(t, fell);
        }
        out_.logs = settling.sum();
        out_.steady = t;
        go_on<Fixed>();
    }

    // Number of columns that have begun at row t; the others have no error yet.
    int begun(Index t, int active) {
        while (active < columns_ && data_->starts[active] <= t) ++active;
        std::fill(out_.row(t) + active, out_.row(t + 1), V(0.0));
        return active;
    }

    // One step of the recursions for all columns; returns by how much the innovation variance falls.
    template <int Fixed>
    V advance(Index t, int active, V variance) {
        const int columns = Fixed ? Fixed : columns_, used = Fixed ? Fixed : active;
        V *__restrict a = out_.state.data(), *__restrict gain = gain_.data(), *__restrict lead = lead_.data(), *__restrict e = out_.row(t);
        V now[Fixed ? Fixed : 1], pulls[Fixed ? Fixed : 1];
        V *before = Fixed ? now : before_.data(), *pull = Fixed ? pulls : pull_.data();
        const V inverse = V(1.0) / variance, weight = sqrt(inverse);
        for (int c = 0; c < used; ++c) {
            before[c] = a[c];
            const V v = V(data_->values[c * n_ + t]) - a[c];
            e[c] = v * weight;
            pull[c] = v * inverse;
        }
        const V top = lead[0], rho = top * inverse;
        for (int lag : process_.ar_lags) {
            const V f = process_.phi[lag];
            for (int c = 0; c < used; ++c) a[lag * columns + c] += f * before[c];
            lead[lag] += f * top;
        }
        for (int i = 0; i < process_.states; ++i) {
            const V next = lead[i + 1], k = gain[i];
            for (int c = 0; c < used; ++c) a[i * columns + c] = a[(i + 1) * columns + c] + k * pull[c];
            gain[i] = k - rho * next;
            lead[i] = next - rho * k;
        }
        for (int c = 0; c < used; ++c) a[process_.states * columns + c] = 0.0;
        lead[process_.states] = 0.0;
        return rho * top;
    }

    // Steady state: the variance is 1, so errors follow from the difference equation itself. Lag 1 comes last and from a register,
    // because each error waits for the one before; columns go side by side, because they do not wait for each other.
    template <int Fixed>
    void go_on() {
        if (out_.steady == n_) return;
        const int columns = Fixed ? Fixed : columns_;
        const bool neighbour = !process_.ma_lags.empty() && process_.ma_lags[0] == 1;
        const V nearest = neighbour ? process_.theta[1] : V(0.0);
        V now[Fixed ? Fixed : 1], last[Fixed ? Fixed : 1];
        V *v = Fixed ? now : pull_.data(), *before = Fixed ? last : before_.data();
        std::copy_n(&out_.errors[(out_.steady - 1) * columns], columns, before);
        for (Index t = out_.steady; t < n_; ++t) {
            for (int c = 0; c < columns; ++c) v[c] = data_->values[c * n_ + t];
            for (int lag : process_.ar_lags) {
                const V f = process_.phi[lag];
                for (int c = 0; c < columns; ++c) v[c] -= f * data_->values[c * n_ + t - lag];
            }
            for (std::size_t i = neighbour; i < process_.ma_lags.size(); ++i) {
                const V f = process_.theta[process_.ma_lags[i]];
                const V* e = &out_.errors[(t - process_.ma_lags[i]) * columns];
                for (int c = 0; c < columns; ++c) v[c] -= f * e[c];
            }
            for (int c = 0; c < columns; ++c) out_.errors[t * columns + c] = before[c] = v[c] - nearest * before[c];
        }
    }

    double column_state(int i, int c) const {
        if (out_.steady == n_) return out_.state[i * columns_ + c][0];
        double sum = 0;
        for (int lag : process_.ar_lags)
            if (lag > i) sum += process_.phi[lag][0] * data_->values[c * n_ + n_ + i - lag];
        for (int lag : process_.ma_lags)
            if (lag > i) sum += process_.theta[lag][0] * out_.errors[(n_ + i - lag) * columns_ + c][0];
        return sum;
    }
};

}  // namespace forecaster::arima

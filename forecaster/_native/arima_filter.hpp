// The exact likelihood of a stationary ARMA process with regressors, W parameter vectors at once (see arima.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "arima.hpp"
#include "lanes.hpp"

namespace forecaster::arima {

// Column 0 is the series, then constant and covariates, then missing values in the order of time. Each is n long; a column is
// zero before its start.
struct Regression {
    Index n = 0;
    int columns = 1, holes = 0;
    std::vector<double> values;  // (columns, n)
    std::vector<Index> starts;   // (columns)
    const double* column(int c) const { return values.data() + c * n; }
};

constexpr double exact = 1e-13, close = 1e-9;  // when a filter is steady: for results, and while searching

template <int W>
class Likelihood {
    using V = Lanes<W>;

  public:
    // What to filter, and with how many coefficients. Once a step lowers the innovation variance by less than `still`, it is steady.
    void take(const Regression& data, const Orders& orders, int m, double still) {
        still_ = still;
        data_ = &data, n_ = data.n, columns_ = data.columns, orders_ = orders, m_ = m;
        ar_ = orders.p + m * orders.P, ma_ = orders.q + m * orders.Q, states_ = std::max(ar_, ma_ + 1);
        for (auto* v : {&phi_, &theta_, &gain_, &lead_, &variance_, &psi_}) v->assign(states_ + 2, V(0.0));
        for (auto* v : {&covariance_, &crossed_}) v->assign(ar_ + ma_ + states_ + 4, V(0.0));
        step_down_.resize(static_cast<std::size_t>(ar_) * (ar_ + 1) / 2);
        state_.resize(static_cast<std::size_t>(states_ + 2) * columns_);
        errors_.resize(static_cast<std::size_t>(n_) * columns_);
        variances_.resize(n_);
        normal_.resize(static_cast<std::size_t>(columns_) * columns_);
        beta_.assign(columns_, V(0.0)), before_.resize(columns_), pull_.resize(columns_);
        lags_of(orders.p, orders.P, ar_lags_), lags_of(orders.q, orders.Q, ma_lags_);
    }

    Index rows() const { return n_; }
    Index used() const { return n_ - data_->holes; }
    double rate(double squares) const { return static_cast<double>(used()) / squares; }

    // Deviance at partial autocorrelations: p AR, q MA, P seasonal AR, Q seasonal MA.
    V pass(const V* x) {
        V coefficients[most_parameters];
        from_partial(x, coefficients);
        return run(coefficients);
    }

    // Deviance at coefficients in the same order.
    V run(const V* coefficients) {
        expand(coefficients);
        start();
        if (columns_ == 1)
            filter<1>();
        else if (columns_ == 2 && data_->holes == 0)
            filter<2>();
        else
            filter<0>();
        return concentrate();
    }

    V residual(Index t) const {
        const V* e = &errors_[t * columns_];
        V sum = e[0];
        for (int c = 1; c < columns_; ++c) sum -= beta_[c] * e[c];
        return sum * scale_;
    }

    // One-step innovation of row t at lane 0 in units of w (its variance is sigma2 * F_t).
    double innovation(Index t) const { return residual(t)[0] / scale_[0] * (t < transient_ ? std::sqrt(variances_[t]) : 1.0); }

    double beta(int c) const { return beta_[c][0]; }
    double squares() const { return squares_[0]; }
    int states() const { return states_; }
    const V* phi() const { return phi_.data(); }

    // Coefficients of the four factors from their partial autocorrelations, every root outside the circle of radius 1.01.
    void from_partial(const V* x, V* out) const {
        const double seasonal = std::pow(radius_, m_);
        const int sizes[] = {orders_.p, orders_.q, orders_.P, orders_.Q};
        for (int factor = 0; factor < 4; ++factor) {
            durbin(x, sizes[factor], out, factor < 2 ? radius_ : seasonal, factor % 2 ? -1.0 : 1.0);
            x += sizes[factor], out += sizes[factor];
        }
    }

    // The predicted state after the last row at lane 0: w is expected to be state[0] next, apart from regressors.
    void final_state(double* state) const {
        for (int i = 0; i < states_; ++i) {
            double sum = 0;
            for (int c = 0; c < columns_; ++c) sum += (c == 0 ? 1.0 : -beta(c)) * column_state(i, c);
            state[i] = sum;
        }
    }

  private:
    static constexpr double radius_ = 1.01;
    double still_ = exact;
    const Regression* data_ = nullptr;
    Index n_ = 0, transient_ = 0;
    int columns_ = 1, m_ = 1, ar_ = 0, ma_ = 0, states_ = 1;
    Orders orders_;
    std::vector<int> ar_lags_, ma_lags_;
    std::vector<V> phi_, theta_, gain_, lead_, variance_, psi_, covariance_, crossed_, step_down_;
    std::vector<V> state_, errors_, normal_, beta_, before_, pull_;
    std::vector<double> variances_;
    V first_, logs_, squares_, scale_;

    void lags_of(int near, int seasons, std::vector<int>& lags) const {
        lags.clear();
        for (int s = 0; s <= seasons; ++s)
            for (int i = 0; i <= near; ++i)
                if (s + i > 0) lags.push_back(s * m_ + i);
        std::sort(lags.begin(), lags.end());
        lags.erase(std::unique(lags.begin(), lags.end()), lags.end());
    }

    static void durbin(const V* partial, int size, V* out, double radius, double sign) {
        V old[most_parameters];
        for (int k = 0; k < size; ++k) {
            std::copy_n(out, k, old);
            for (int j = 0; j < k; ++j) out[j] = old[j] - partial[k] * old[k - 1 - j];
            out[k] = partial[k];
        }
        double shrink = sign;
        for (int k = 0; k < size; ++k) out[k] *= (shrink /= radius);
    }

    // The product of both factors as one polynomial: phi_L multiplies w_{t-L}, theta_L multiplies e_{t-L}.
    void expand(const V* f) {
        const V *ar = f, *ma = ar + orders_.p, *sar = ma + orders_.q, *sma = sar + orders_.P;
        multiply(ar, orders_.p, sar, orders_.P, phi_.data(), ar_lags_, -1.0);
        multiply(ma, orders_.q, sma, orders_.Q, theta_.data(), ma_lags_, 1.0);
    }

    void multiply(const V* near, int p, const V* far, int P, V* out, const std::vector<int>& lags, double sign) const {
        for (int lag : lags) out[lag] = 0.0;
        for (int i = 1; i <= p; ++i) out[i] += near[i - 1];
        for (int s = 1; s <= P; ++s) {
            out[s * m_] += far[s - 1];
            for (int i = 1; i <= p; ++i) out[s * m_ + i] += far[s - 1] * near[i - 1] * sign;
        }
    }

    // Autocovariances of the AR part alone: step-down to every lower order, then up again.
    void ar_covariances() {
        auto order = [this](int k) { return step_down_.data() + static_cast<std::size_t>(k) * (k - 1) / 2; };
        for (int i = 0; i < ar_; ++i) order(ar_)[i] = phi_[i + 1];
        V left = 1.0;
        for (int k = ar_; k > 0; --k) {
            const V last = order(k)[k - 1], kept = V(1.0) - last * last;
            left *= kept;
            const V inverse = V(1.0) / kept;
            for (int j = 0; j < k - 1; ++j) order(k - 1)[j] = (order(k)[j] + last * order(k)[k - 2 - j]) * inverse;
        }
        covariance_[0] = V(1.0) / left;
        for (int k = 1; k <= ar_ + ma_; ++k) {
            V sum = 0.0;
            if (k <= ar_)
                for (int i = 0; i < k; ++i) sum += order(k)[i] * covariance_[k - 1 - i];
            else
                for (int lag : ar_lags_) sum += phi_[lag] * covariance_[k - lag];
            covariance_[k] = sum;
        }
    }

    // Autocovariances of w at lags 0 .. max(ar, 1) - 1.
    void covariances() {
        if (ar_ == 0) {
            variance_[0] = 1.0;
            for (int lag : ma_lags_) variance_[0] += theta_[lag] * theta_[lag];
            return;
        }
        ar_covariances();
        for (int k = 0; k <= ar_ + ma_; ++k) {
            crossed_[k] = covariance_[k];
            for (int lag : ma_lags_) crossed_[k] += theta_[lag] * covariance_[std::abs(k - lag)];
        }
        for (int k = 0; k < ar_; ++k) {
            variance_[k] = crossed_[k];
            for (int lag : ma_lags_) variance_[k] += theta_[lag] * crossed_[k + lag];
        }
    }

    // First column of the stationary covariance, as the gain and the leading vector of the recursions, and its corner.
    void start() {
        covariances();
        psi_[0] = 1.0;
        for (int k = 1; k < ma_; ++k) {
            psi_[k] = theta_[k];
            for (int lag : ar_lags_)
                if (lag <= k) psi_[k] += phi_[lag] * psi_[k - lag];
        }
        for (int i = 1; i <= states_; ++i) {
            V sum = i <= ar_ ? phi_[i] * variance_[0] : V(0.0);
            for (int lag : ar_lags_)
                if (lag > i) sum += phi_[lag] * variance_[lag - i];
            for (int lag : ma_lags_)
                if (lag >= i) sum += theta_[lag] * psi_[lag - i];
            gain_[i - 1] = lead_[i - 1] = sum;
        }
        first_ = variance_[0];
    }

    template <int Fixed>
    void filter() {
        gain_[states_] = lead_[states_] = 0.0;
        std::fill(state_.begin(), state_.end(), V(0.0));
        logs_ = 0.0;
        V variance = first_, product = 1.0, most = 0.0;
        Index t = 0, quiet = 0;
        int active = Fixed ? Fixed : columns_ - data_->holes;
        for (; t < n_ && quiet <= states_; ++t) {
            if constexpr (Fixed == 0) active = begun(t, active);
            variances_[t] = variance[0];
            product *= variance;
            const V fell = advance<Fixed>(t, active, variance);
            most = max(fell, most);
            variance -= fell;
            if (t % 16 < 15) continue;
            logs_ += log(product), product = 1.0;
            quiet = largest(most) < still_ ? quiet + 16 : 0, most = 0.0;
        }
        logs_ += log(product);
        transient_ = t;
        for (int c = 0; c < columns_; ++c) go_on(c);
    }

    // Number of columns that have begun at row t; the others have no error yet.
    int begun(Index t, int active) {
        while (active < columns_ && data_->starts[active] <= t) ++active;
        std::fill(errors_.data() + t * columns_ + active, errors_.data() + (t + 1) * columns_, V(0.0));
        return active;
    }

    // One step of the recursions for all columns; returns by how much the innovation variance falls.
    template <int Fixed>
    V advance(Index t, int active, V variance) {
        const int columns = Fixed ? Fixed : columns_, used = Fixed ? Fixed : active;
        V *__restrict a = state_.data(), *__restrict gain = gain_.data(), *__restrict lead = lead_.data(), *__restrict e = &errors_[t * columns];
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
        for (int lag : ar_lags_) {
            const V f = phi_[lag];
            for (int c = 0; c < used; ++c) a[lag * columns + c] += f * before[c];
            lead[lag] += f * top;
        }
        for (int i = 0; i < states_; ++i) {
            const V next = lead[i + 1], k = gain[i];
            for (int c = 0; c < used; ++c) a[i * columns + c] = a[(i + 1) * columns + c] + k * pull[c];
            gain[i] = k - rho * next;
            lead[i] = next - rho * k;
        }
        for (int c = 0; c < used; ++c) a[states_ * columns + c] = 0.0;
        lead[states_] = 0.0;
        return rho * top;
    }

    // Steady state: the variance is 1, so errors follow from the difference equation itself. Lag 1 comes last and from a register,
    // because each error waits for the one before.
    void go_on(int c) {
        if (transient_ == n_) return;
        const double* x = data_->column(c);
        V* e = errors_.data() + c;
        const bool neighbour = !ma_lags_.empty() && ma_lags_[0] == 1;
        const V nearest = neighbour ? theta_[1] : V(0.0);
        V before = e[(transient_ - 1) * columns_];
        for (Index t = transient_; t < n_; ++t) {
            V v = x[t];
            for (int lag : ar_lags_) v -= phi_[lag] * x[t - lag];
            for (std::size_t i = neighbour; i < ma_lags_.size(); ++i) v -= theta_[ma_lags_[i]] * e[(t - ma_lags_[i]) * columns_];
            e[t * columns_] = before = v - nearest * before;
        }
    }

    double column_state(int i, int c) const {
        if (transient_ == n_) return state_[i * columns_ + c][0];
        double sum = 0;
        for (int lag : ar_lags_)
            if (lag > i) sum += phi_[lag][0] * data_->column(c)[n_ + i - lag];
        for (int lag : ma_lags_)
            if (lag > i) sum += theta_[lag][0] * errors_[(n_ + i - lag) * columns_ + c][0];
        return sum;
    }

    // Least squares of the errors of the series on those of the regressors: Cholesky with missing values first, the series last.
    V concentrate() {
        gram();
        const int last = columns_ - 1;
        V spread = logs_;
        auto at = [this, last](int i, int j) -> V& { return normal_[(last - i) * columns_ + last - j]; };
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
                squares_ = max(s, 1e-300);
                break;
            }
            // A regressor that the others explain gets no weight.
            at(i, i) = select(s > whole * 1e-12, sqrt(max(s, 1e-300)), V(1e150));
            if (i < data_->holes) spread += log(max(s, 1e-300));
        }
        for (int i = last - 1; i >= 0; --i) {
            V s = at(last, i);
            for (int t = i + 1; t < last; ++t) s -= at(t, i) * beta_[last - t];
            beta_[last - i] = s / at(i, i);
        }
        const double n = static_cast<double>(used());
        scale_ = exp(spread * (0.5 / n));
        return log(squares_ * (1.0 / n)) * n + spread;
    }

    void gram() {
        std::fill(normal_.begin(), normal_.end(), V(0.0));
        for (int b = 0; b < columns_; ++b)
            for (int c = 0; c <= b; ++c) {
                V sum = 0.0;
                for (Index t = data_->starts[b]; t < n_; ++t) sum += errors_[t * columns_ + b] * errors_[t * columns_ + c];
                normal_[b * columns_ + c] = normal_[c * columns_ + b] = sum;
            }
    }
};

}  // namespace forecaster::arima

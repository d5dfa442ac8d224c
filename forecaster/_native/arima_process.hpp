// An ARMA process in lanes: coefficients to polynomials to the covariance that its filter starts from (see arima.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "arima.hpp"
#include "lanes.hpp"

namespace forecaster::arima {

template <int W>
class Process {
    using V = Lanes<W>;

  public:
    int states = 1;
    std::vector<int> ar_lags, ma_lags;  // ascending
    std::vector<V> phi, theta;          // by lag: what multiplies w and e there
    std::vector<V> first;               // covariance of the next state with w, the gain of the first step
    V variance;                         // of w

    // For `n` values, which say how near to the circle roots may come.
    void take(const Orders& orders, int m, Index n) {
        orders_ = orders, m_ = m, radius_ = 1 + 1 / static_cast<double>(std::max<Index>(n, 100));
        ar_ = orders.p + m * orders.P, ma_ = orders.q + m * orders.Q, states = std::max(ar_, ma_ + 1);
        for (auto* v : {&phi, &theta, &first, &autocovariance_, &psi_}) v->assign(states + 2, V(0.0));
        for (auto* v : {&covariance_, &crossed_}) v->assign(ar_ + ma_ + states + 4, V(0.0));
        step_down_.resize(static_cast<std::size_t>(ar_) * (ar_ + 1) / 2);
        lags_of(orders.p, orders.P, ar_lags), lags_of(orders.q, orders.Q, ma_lags);
    }

    // Coefficients of the four factors from their partial autocorrelations, every root outside the circle of that radius.
    void from_partial(const V* x, V* out) const {
        const double seasonal = std::pow(radius_, m_);
        const int sizes[] = {orders_.p, orders_.q, orders_.P, orders_.Q};
        for (int factor = 0; factor < 4; ++factor) {
            durbin(x, sizes[factor], out, factor < 2 ? radius_ : seasonal, factor % 2 ? -1.0 : 1.0);
            x += sizes[factor], out += sizes[factor];
        }
    }

    void set(const V* coefficients) {
        expand(coefficients);
        start();
    }

    int ar() const { return ar_; }
    int ma() const { return ma_; }

    // What the state takes over from its first element, and from a shock.
    V carry(int i) const { return i < ar_ ? phi[i + 1] : V(0.0); }
    V shock(int i) const { return i == 0 ? V(1.0) : i <= ma_ ? theta[i] : V(0.0); }

  private:
    double radius_ = 1;
    int m_ = 1, ar_ = 0, ma_ = 0;
    Orders orders_;
    std::vector<V> autocovariance_, psi_, covariance_, crossed_, step_down_;

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
        multiply(ar, orders_.p, sar, orders_.P, phi.data(), ar_lags, -1.0);
        multiply(ma, orders_.q, sma, orders_.Q, theta.data(), ma_lags, 1.0);
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
        for (int i = 0; i < ar_; ++i) order(ar_)[i] = phi[i + 1];
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
                for (int lag : ar_lags) sum += phi[lag] * covariance_[k - lag];
            covariance_[k] = sum;
        }
    }

    // Autocovariances of w at lags 0 .. max(ar, 1) - 1.
    void covariances() {
        if (ar_ == 0) {
            autocovariance_[0] = 1.0;
            for (int lag : ma_lags) autocovariance_[0] += theta[lag] * theta[lag];
            return;
        }
        ar_covariances();
        for (int k = 0; k <= ar_ + ma_; ++k) {
            crossed_[k] = covariance_[k];
            for (int lag : ma_lags) crossed_[k] += theta[lag] * covariance_[std::abs(k - lag)];
        }
        for (int k = 0; k < ar_; ++k) {
            autocovariance_[k] = crossed_[k];
            for (int lag : ma_lags) autocovariance_[k] += theta[lag] * crossed_[k + lag];
        }
    }

    // First column of the stationary covariance, one step ahead.
    void start() {
        covariances();
        psi_[0] = 1.0;
        for (int k = 1; k < ma_; ++k) {
            psi_[k] = theta[k];
            for (int lag : ar_lags)
                if (lag <= k) psi_[k] += phi[lag] * psi_[k - lag];
        }
        for (int i = 1; i <= states; ++i) {
            V sum = i <= ar_ ? phi[i] * autocovariance_[0] : V(0.0);
            for (int lag : ar_lags)
                if (lag > i) sum += phi[lag] * autocovariance_[lag - i];
            for (int lag : ma_lags)
                if (lag >= i) sum += theta[lag] * psi_[lag - i];
            first[i - 1] = sum;
        }
        variance = autocovariance_[0];
    }
};

}  // namespace forecaster::arima

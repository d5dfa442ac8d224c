// What a fitted ARIMA says about the steps ahead: means by the difference equation, variances by psi weights.
//
//     y_{n+h} = sum Phi_i y_{n+h-i} + ...,    Phi(B) = phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D
//     Var(h) = sigma2 sum_{j < h} psi_j^2,    psi(B) = theta(B) Theta(B^m) / Phi(B)         (Box and Jenkins 1970)
#pragma once

#include "arima_series.hpp"

namespace forecaster::arima {

// 1 - sum of coefficients: the product of polynomials with given signs, from lag 0.
inline Values product(const Values& a, const Values& b) {
    Values out(a.size() + b.size() - 1, 0.0);
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != 0)
            for (std::size_t j = 0; j < b.size(); ++j) out[i + j] += a[i] * b[j];
    return out;
}

inline Values polynomial(const double* coefficients, int size, int lag, double sign) {
    Values out(size * lag + 1, 0.0);
    out[0] = 1;
    for (int i = 1; i <= size; ++i) out[i * lag] = sign * coefficients[i - 1];
    return out;
}

struct Ahead {
    double* mean;      // (series, horizon)
    double* variance;  // (series, horizon)
    Index horizon;
};

class Projector {
  public:
    Projector(int m, const Columns& model, const Filtered& at, const Ahead& out) : m_(m), model_(model), at_(at), out_(out) {}

    void project(Index s) {
        const std::int32_t* o = model_.orders + s * 7;
        const double *numbers = model_.numbers + s * numbers_per_series, *c = model_.coefficients + s * model_.width;
        double *mean = out_.mean + s * out_.horizon, *variance = out_.variance + s * out_.horizon;
        if (static_cast<Status>(numbers[6]) == Status::nothing) {
            for (double* row : {mean, variance}) std::fill_n(row, out_.horizon, std::numeric_limits<double>::quiet_NaN());
            return;
        }
        const Values steps = difference_polynomial(o[1], o[4], m_);
        const Values ar = product(polynomial(c, o[0], 1, -1), polynomial(c + o[0] + o[2], o[3], m_, -1));
        const Values ma = product(polynomial(c + o[0], o[2], 1, 1), polynomial(c + o[0] + o[2] + o[3], o[5], m_, 1));
        const Index late = static_cast<Index>(numbers[7]);
        means(s, ar, steps, numbers[0], late, mean);
        variances(product(ar, steps), ma, numbers[1], late, variance);
    }

  private:
    int m_;
    Columns model_;
    Filtered at_;
    Ahead out_;
    Values state_, past_, psi_;

    // `late` steps lie between the last observed value and the first step asked for.
    void means(Index s, const Values& ar, const Values& steps, double constant, Index late, double* mean) {
        const double* state = at_.state + s * at_.state_width;
        state_.assign(state, state + at_.state_width);
        state_.resize(std::max<std::size_t>(at_.state_width, ar.size()) + 1, 0.0);
        const Index lost = static_cast<Index>(steps.size()) - 1;
        past_.resize(lost + late + out_.horizon);
        for (Index i = 0; i < lost; ++i) past_[lost - 1 - i] = at_.tail[s * at_.tail_width + i];
        for (Index h = 0; h < late + out_.horizon; ++h) {
            const double now = state_[0];
            double y = now + constant;
            for (Index i = 1; i <= lost; ++i) y -= steps[i] * past_[lost + h - i];
            past_[lost + h] = y;
            if (h >= late) mean[h - late] = y;
            for (std::size_t i = 0; i + 1 < state_.size(); ++i) state_[i] = state_[i + 1] - (i + 1 < ar.size() ? ar[i + 1] * now : 0.0);
        }
    }

    void variances(const Values& full, const Values& ma, double sigma2, Index late, double* variance) {
        psi_.assign(late + out_.horizon, 0.0);
        double sum = 0;
        for (Index h = 0; h < late + out_.horizon; ++h) {
            double psi = h < static_cast<Index>(ma.size()) ? ma[h] : 0.0;
            for (Index i = 1; i <= std::min<Index>(h, static_cast<Index>(full.size()) - 1); ++i) psi -= full[i] * psi_[h - i];
            psi_[h] = psi;
            sum += psi * psi;
            if (h >= late) variance[h - late] = sigma2 * sum;
        }
    }
};

}  // namespace forecaster::arima

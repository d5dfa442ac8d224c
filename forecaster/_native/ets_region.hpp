// The admissible region of exponential smoothing: parameters with which errors of long ago are forgotten.
#pragma once

#include <cmath>
#include <vector>

#include "ets.hpp"

namespace forecaster::ets {

// Whether the eigenvalues of the discount matrix lie within the unit circle, by the step-down recursion on its characteristic
// polynomial, the constant that may move between level and season left out. Forms with multiplicative parts are judged by the additive
// form of the same rates, as in R. Source: Hyndman et al. (2008), chapter 10, with b_t = phi b_{t-1} + beta e_t.
class Stability {
  public:
    bool holds(const Form& form, const Rates<double>& rate, int period) {
        const double phi = form.sloped() ? rate.phi : 0, beta = form.sloped() ? rate.phi * rate.beta : 0, alpha = rate.alpha;
        if (!form.seasonal()) {
            c_.assign({alpha + beta - 1 - phi, phi * (1 - alpha)});
        } else {
            c_.assign(period + 1, alpha + beta - alpha * phi);
            c_[0] = alpha + beta - phi;
            c_[period - 1] = (period > 1 ? c_[period - 1] : 0) + rate.gamma - 1;
            c_[period] = phi * (1 - alpha - rate.gamma);
        }
        return inside();
    }

  private:
    std::vector<double> c_, d_;  // z^k + c_0 z^(k-1) + ... + c_(k-1)

    bool inside() {
        for (std::size_t k = c_.size(); k > 0; --k) {
            const double r = c_[k - 1];
            if (!(std::fabs(r) < 1)) return false;
            d_ = c_;
            for (std::size_t j = 0; j + 1 < k; ++j) c_[j] = (d_[j] - r * d_[k - 2 - j]) / (1 - r * r);
        }
        return true;
    }
};

}  // namespace forecaster::ets

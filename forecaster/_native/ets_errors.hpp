// The least-squares problem of one form of exponential smoothing (see levenberg.hpp).
//
// Parameters: alpha, beta / alpha, gamma / (1 - alpha), phi in the usual region, or alpha, beta, gamma, phi themselves in the
// admissible one; then the initial level, slope and all seasonal states but one, which follows from their sum (0 or the period).
// The scaled residual e exp(sum log f / n) makes the likelihood of a form with multiplicative errors a sum of squares too, and
// takes in a prior on beta / alpha in the same way: a term p(x) of -2 log L becomes the factor exp(p / 2n).
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "ets.hpp"
#include "ets_region.hpp"
#include "ets_start.hpp"
#include "lanes.hpp"
#include "levenberg.hpp"

namespace forecaster::ets {

// The sum of the logarithms of many positive numbers, for the price of one logarithm: mantissas are multiplied, exponents added.
template <int W>
class SumOfLogs {
  public:
    FORECASTER_INLINE void add(Lanes<W> x) {
        product_ *= x;
        if (++held_ == 8) carry();
    }
    Lanes<W> value() {
        carry();
        return log(product_) + Lanes<W>(__builtin_convertvector(exponent_, typename Lanes<W>::Vector)) * Lanes<W>(0.6931471805599453);
    }

  private:
    using Bits = typename Lanes<W>::Mask;
    Lanes<W> product_ = 1.0;
    Bits exponent_{};
    int held_ = 0;

    FORECASTER_INLINE void carry() {
        const Bits bits = (Bits)product_.v;
        exponent_ += ((bits >> 52) & 0x7ff) - 1023;
        product_.v = (typename Lanes<W>::Vector)((bits & ~(Bits{} + 0x7ff0000000000000)) | 0x3ff0000000000000);
        held_ = 0;
    }
};

template <int W>
class Errors {
  public:
    void of(const Scaled& series, const Form& form, const Request& request, Region region, const double* season) {
        y_ = &series, form_ = form, request_ = &request, region_ = region, fixed_ = season;
        error_.resize(series.y.size());
        season_.resize(request.period);
    }
    bool free() const { return request_->period <= request_->free_seasons; }
    int parameters() const { return form_.smoothing() + 1 + form_.sloped() + (form_.seasonal() && free() ? request_->period - 1 : 0); }

    Index rows() const { return static_cast<Index>(error_.size()); }
    Lanes<W> residual(Index t) const { return error_[t] * scale_; }
    double rate(double squares) const { return static_cast<double>(y_->seen) / (squares + floor()); }
    Lanes<W> pass(const Lanes<W>* x, Points points) {
        if (points != Points::beside && !allowed(x)) return std::numeric_limits<double>::infinity();
        return with_form(form_, [&]<bool multiplicative, Growth growth, Season season>() { return run<multiplicative, growth, season>(x); });
    }

    template <class T>
    Rates<T> rates(const T* x) const {
        Rates<T> rate{x[0], T(0.0), T(0.0), T(1.0)};
        int at = 1;
        const bool usual = region_ != Region::admissible;
        if (form_.sloped()) rate.beta = usual ? x[at] * rate.alpha : x[at], ++at;
        if (form_.seasonal()) rate.gamma = usual ? x[at] * (T(1.0) - rate.alpha) : x[at], ++at;
        if (form_.damped()) rate.phi = x[at];
        return rate;
    }

    // The initial seasonal states of parameters x.
    template <class T>
    void seasons(const T* x, T* out) const {
        const int period = request_->period;
        if (!free()) return static_cast<void>(std::copy_n(fixed_, period, out));
        x += form_.smoothing() + 1 + form_.sloped();
        out[0] = form_.season == Season::multiplicative ? static_cast<double>(period) : 0.0;
        for (int i = 1; i < period; ++i) out[0] -= out[i] = x[i - 1];
    }

  private:
    const Scaled* y_ = nullptr;
    const Request* request_ = nullptr;
    const double* fixed_ = nullptr;
    Form form_;
    Region region_ = Region::usual;
    Stability stability_;
    std::vector<Lanes<W>> error_, season_;
    Lanes<W> scale_ = 1.0;

    // Rounding alone leaves errors of about 1e-13 of the level; a likelihood without that floor is infinite for a straight line.
    double floor() const { return 1e-26 * static_cast<double>(y_->seen); }

    bool allowed(const Lanes<W>* x) {
        if (region_ == Region::usual) return true;
        const Rates<Lanes<W>> rate = rates(x);
        return stability_.holds(form_, {rate.alpha[0], rate.beta[0], rate.gamma[0], rate.phi[0]}, request_->period);
    }

    template <bool multiplicative, Growth growth, Season season>
    Lanes<W> run(const Lanes<W>* x) {
        const Rates<Lanes<W>> rate = rates(x);
        constexpr bool sloped = growth != Growth::none, exponential = growth == Growth::product || growth == Growth::power;
        const int states = form_.smoothing(), period = season == Season::none ? 1 : request_->period;
        Path<multiplicative, growth, season, Lanes<W>> path(rate, x[states], sloped ? x[states + 1] : Lanes<W>(0.0));
        Lanes<W> unused = 0.0, f, squares = 0.0, least = 1.0;
        if constexpr (season != Season::none) seasons(x, season_.data());
        SumOfLogs<W> logs;
        int phase = 0;
        for (Index t = 0; t < rows(); ++t) {
            Lanes<W>& s = season == Season::none ? unused : season_[phase];
            if (++phase == period) phase = 0;
            if (!(y_->y[t] == y_->y[t])) {
                path.skip();
                error_[t] = 0.0;
                continue;
            }
            const Lanes<W> e = path.take(y_->y[t], s, f);
            error_[t] = e;
            squares += e * e;
            if constexpr (multiplicative || season == Season::multiplicative) least = min(least, f);
            if constexpr (exponential) least = min(least, min(path.level, path.slope));
            if constexpr (multiplicative) logs.add(f);
        }
        const double n = static_cast<double>(y_->seen);
        Lanes<W> sum = multiplicative ? logs.value() : Lanes<W>(0.0);
        if constexpr (sloped) sum += 0.5 * request_->prior * (rate.beta / rate.alpha) * (rate.beta / rate.alpha);
        scale_ = exp(sum / n);
        const Lanes<W> criterion = n * log(squares * scale_ * scale_ + floor());
        return select(least > Lanes<W>(0.0), criterion, Lanes<W>(std::numeric_limits<double>::infinity()));
    }
};

}  // namespace forecaster::ets

// The search over forms of exponential smoothing, compiled once per level of processor (see ets.hpp for the equations).
//
// Every form is a least-squares problem. Parameters: alpha, beta / alpha, gamma / (1 - alpha), phi in the usual region, or
// alpha, beta, gamma, phi themselves in the admissible one; then the initial level, slope and all seasonal states but one,
// which follows from their sum (0 or the period). The scaled residual e exp(sum log f / n) makes the likelihood of a form
// with multiplicative errors a sum of squares too, and takes in a prior on beta / alpha in the same way: a term p(x) of
// -2 log L becomes the factor exp(p / 2n).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ets.hpp"
#include "ets_region.hpp"
#include "ets_start.hpp"
#include "levenberg.hpp"

namespace forecaster::ets {
namespace {

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

// The least-squares problem of one form (see levenberg.hpp).
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
    Lanes<W> pass(const Lanes<W>* x) {
        return with_form(form_, [&]<bool multiplicative, bool sloped, Season season>() { return run<multiplicative, sloped, season>(x); });
    }

    template <class T>
    Rates<T> rates(const T* x) const {
        Rates<T> rate{x[0], T(0.0), T(0.0), T(1.0)};
        int at = 1;
        const bool usual = region_ == Region::usual;
        if (form_.sloped()) rate.beta = usual ? x[at] * rate.alpha : x[at], ++at;
        if (form_.seasonal()) rate.gamma = usual ? x[at] * (T(1.0) - rate.alpha) : x[at], ++at;
        if (form_.trend == Trend::damped) rate.phi = x[at];
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

    template <bool multiplicative, bool sloped, Season season>
    Lanes<W> run(const Lanes<W>* x) {
        if (!allowed(x)) return std::numeric_limits<double>::infinity();
        const Rates<Lanes<W>> rate = rates(x);
        const int states = form_.smoothing(), period = season == Season::none ? 1 : request_->period;
        Lanes<W> level = x[states], slope = 0.0, unused = 0.0, f, squares = 0.0, least = 1.0;
        if constexpr (sloped) slope = x[states + 1];
        if constexpr (season != Season::none) seasons(x, season_.data());
        SumOfLogs<W> logs;
        int phase = 0;
        for (Index t = 0; t < rows(); ++t) {
            Lanes<W>& s = season == Season::none ? unused : season_[phase];
            if (++phase == period) phase = 0;
            if (!(y_->y[t] == y_->y[t])) {
                coast<sloped>(rate, level, slope);
                error_[t] = 0.0;
                continue;
            }
            const Lanes<W> e = advance<multiplicative, sloped, season>(Lanes<W>(y_->y[t]), rate, level, slope, s, f);
            error_[t] = e;
            squares += e * e;
            if constexpr (multiplicative || season == Season::multiplicative) least = min(least, f);
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

double penalty(const Form& form, const Request& request, Index seen) {
    const double k = form.parameters(request.period) + 1, n = static_cast<double>(seen);
    if (request.select == Select::aic) return 2 * k;
    if (request.select == Select::bic) return k * std::log(n);
    return 2 * k + 2 * k * (k + 1) / (n - k - 1);
}

template <int W>
class Search {
  public:
    explicit Search(const Request& request) : request_(request) {
        for (auto& season : seasons_) season.resize(request.period);
    }

    // `state` gets the states before the first value.
    Found best(const double* values, Index n, double* state) {
        series_.of(values, n);
        for (auto& end : ends_) end.clear();
        prepare();
        Found found;
        double least = std::numeric_limits<double>::infinity();
        for (const Form& form : request_.forms) {
            if (!fits(form)) continue;
            start(form);
            const double extra = penalty(form, request_, series_.seen);
            double criterion = extra + fit(form, Region::usual, {.tolerance = 1e-2});
            ends_[form.code()] = x_;
            if (request_.region == Region::admissible) {
                widen(form);
                criterion = extra + fit(form, Region::admissible, {.tolerance = 1e-2});
            }
            if (!(criterion < least)) continue;
            least = criterion;
            found.form = form.code();
            best_ = x_;
        }
        if (found.form >= 0) polish(found, state);
        return found;
    }

  private:
    static constexpr double first_phi = 0.96;
    const Request& request_;
    Scaled series_;
    Decomposition decomposition_;
    Levenberg<W> levenberg_;
    Errors<W> errors_;
    std::array<std::vector<double>, 3> seasons_;   // by kind of season
    std::array<std::vector<double>, forms> ends_;  // where forms ended, by code
    std::vector<double> x_, best_, lower_, upper_;

    bool fits(const Form& form) const {
        if (form.positive() && !series_.positive) return false;
        if (form.seasonal() && (request_.period < 2 || series_.seen < 2 * request_.period)) return false;
        return series_.seen > form.parameters(request_.period) + 2;
    }

    void prepare() {
        for (const Season kind : {Season::additive, Season::multiplicative}) {
            if (kind == Season::multiplicative && !series_.positive) continue;
            if (request_.period > 1) decomposition_.of(series_.y, request_.period, kind, seasons_[static_cast<int>(kind)].data());
        }
    }

    const double* season_of(const Form& form) const { return seasons_[static_cast<int>(form.season)].data(); }

    // Starting values into `x_`: where a simpler relative of the form ended, or the heuristic ones.
    void start(const Form& form) {
        const Form relative{false, form.multiplicative ? form.trend : Trend::additive, form.season};
        x_ = form.multiplicative || form.trend == Trend::damped ? ends_[relative.code()] : std::vector<double>{};
        if (x_.empty()) return start_afresh(form);
        if (!form.multiplicative) x_.insert(x_.begin() + form.smoothing() - 1, first_phi);
    }

    void start_afresh(const Form& form) {
        const Line line = first_line(series_.y, request_.period, form.season, season_of(form));
        x_.assign(1, 0.2);
        if (form.sloped()) x_.push_back(0.1);
        if (form.seasonal()) x_.push_back(0.1);
        if (form.trend == Trend::damped) x_.push_back(first_phi);
        x_.push_back(form.sloped() ? line.at_zero : line.mean);
        if (form.sloped()) x_.push_back(line.slope);
        if (form.seasonal() && request_.period <= request_.free_seasons) x_.insert(x_.end(), season_of(form) + 1, season_of(form) + request_.period);
    }

    // The parameters of the admissible region at a point of the usual one.
    void widen(const Form& form) {
        if (form.seasonal()) x_[1 + form.sloped()] *= 1 - x_[0];
        if (form.sloped()) x_[1] *= x_[0];
    }

    void bound(const Form& form, Region region) {
        const bool usual = region == Region::usual;
        lower_.assign(x_.size(), -1e6);
        upper_.assign(x_.size(), 1e6);
        const int rates = form.smoothing() - (form.trend == Trend::damped);
        std::fill_n(lower_.begin(), rates, usual ? 1e-4 : 1e-8);
        std::fill_n(upper_.begin(), rates, usual ? 0.9999 : 4.0);
        if (form.trend == Trend::damped) lower_[rates] = 0.8, upper_[rates] = 0.98;
        if (form.season == Season::multiplicative) std::fill(lower_.begin() + form.smoothing() + 1 + form.sloped(), lower_.end(), 0.01);
    }

    // Moves `x_` to the optimum of a form; -2 log L there, up to a constant.
    double fit(const Form& form, Region region, Fitting how) {
        errors_.of(series_, form, request_, region, season_of(form));
        bound(form, region);
        how.step = 1e-7;
        how.longest = 0.5;
        how.passes = 60;
        return levenberg_.minimise(errors_, x_.data(), lower_.data(), upper_.data(), errors_.parameters(), how).criterion;
    }

    void polish(Found& found, double* state) {
        const Form form = Form::of(found.form);
        x_ = best_;
        fit(form, request_.region, {.tolerance = 1e-7});
        found.rate = errors_.rates(x_.data());
        const int at = form.smoothing();
        state[0] = x_[at] * series_.scale;
        state[1] = form.sloped() ? x_[at + 1] * series_.scale : 0;
        double* season = state + 2;
        std::fill_n(season, request_.period, 0.0);
        if (!form.seasonal()) return;
        errors_.seasons(x_.data(), season);
        if (form.season == Season::additive)
            for (int i = 0; i < request_.period; ++i) season[i] *= series_.scale;
    }
};

}  // namespace

template <int W>
void search(const double* values, const Index* begin, const Index* end, Index first, Index last, const Request& request, Found* found, double* states) {
    Search<W> one(request);
    for (Index s = first; s < last; ++s)
        if (begin[s] < end[s]) found[s] = one.best(values + begin[s], end[s] - begin[s], states + s * (2 + request.period));
}

template void search<FORECASTER_LANES>(const double*, const Index*, const Index*, Index, Index, const Request&, Found*, double*);

}  // namespace forecaster::ets

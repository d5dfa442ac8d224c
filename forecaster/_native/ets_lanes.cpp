// The search over forms of exponential smoothing, compiled once per level of processor (see ets.hpp for the equations).
//
// Every form is fitted as a least-squares problem (ets_errors.hpp) and left early once it cannot win any more.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ets.hpp"
#include "ets_errors.hpp"
#include "ets_start.hpp"
#include "levenberg.hpp"

namespace forecaster::ets {
namespace {

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
        if (request_.select != Select::backtest || !series_.hold_back(request_.holdout)) return fitted(request_.forms, state);
        const Found tested = choose(request_.forms, true);
        series_.give_back();
        // Where what is left without the end is too short for every form, the criterion decides.
        return fitted(tested.form < 0 ? request_.forms : std::vector{Form::of(tested.form)}, state);
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
    std::vector<double> x_, best_, lower_, upper_, state_;

    Found fitted(const std::vector<Form>& candidates, double* state) {
        Found found = choose(candidates, false);
        if (found.form >= 0) polish(found, state);
        return found;
    }

    // The best form by criterion, or by the forecasts of the values that are held back; its parameters are `best_`.
    Found choose(const std::vector<Form>& candidates, bool tested) {
        for (auto& end : ends_) end.clear();
        prepare();
        Found found;
        double least = std::numeric_limits<double>::infinity();
        for (const Form& form : candidates) {
            if (!fits(form)) continue;
            const double extra = penalty(form, request_, series_.seen);
            const double criterion = tried(form, tested ? std::numeric_limits<double>::infinity() : least - extra);
            const double score = tested ? missed_by(form) : criterion + extra;
            if (!(criterion < std::numeric_limits<double>::infinity() && score < least)) continue;
            least = score;
            found.form = form.code();
            best_ = x_;
        }
        return found;
    }

    // -2 log L at the optimum of a form, up to a constant; somewhere before it where it will stay above `hopeless`.
    double tried(const Form& form, double hopeless) {
        const bool wide = request_.region == Region::admissible;
        const Region region = wide ? Region::usual : request_.region;
        const Fitting how{.tolerance = 1e-2, .abandon_above = wide ? std::numeric_limits<double>::infinity() : hopeless};
        start(form);
        double found = fit(form, region, how);
        if (!std::isfinite(found)) start_level(form), found = fit(form, region, how);
        ends_[form.code()] = x_;
        if (!wide) return found;
        widen(form);
        return fit(form, Region::admissible, {.tolerance = 1e-2, .abandon_above = hopeless});
    }

    // Mean absolute error over the values that were held back, forecast from each of the steps before them.
    double missed_by(const Form& form) {
        const int period = request_.period;
        const Rates<double> rate = errors_.rates(x_.data());
        state_.resize(2 + period);
        states(form, state_.data());
        return with_form(form, [&]<bool multiplicative, Growth growth, Season season>() {
            Path<multiplicative, growth, season, double> path(rate, state_[0], state_[1]);
            double unused = 0, sum = 0, count = 0;
            const auto move = [&](double y, Index t) {
                double f;
                y == y ? static_cast<void>(path.take(y, season == Season::none ? unused : state_[2 + t % period], f)) : path.skip();
            };
            const Index known = static_cast<Index>(series_.y.size()), held = static_cast<Index>(series_.held.size());
            for (Index t = 0; t < known; ++t) move(series_.y[t], t);
            for (Index origin = 0; origin < held; ++origin) {
                auto ahead = path;
                for (Index h = origin; h < held; ++h, ahead.skip())
                    if (const double y = series_.held[h]; y == y)
                        sum += std::fabs(y - seasoned(ahead.next(), season, state_[2 + (known + h) % period])), count += 1;
                move(series_.held[origin], known + origin);
            }
            return sum / count;
        });
    }

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
        x_.clear();
        if (form.multiplicative) x_ = ends_[Form{false, form.trend, form.season}.code()];
        if (!x_.empty()) return;
        if (form.damped()) x_ = ends_[Form{form.multiplicative, form.exponential() ? Trend::multiplicative : Trend::additive, form.season}.code()];
        if (x_.empty()) return start_afresh(form);
        x_.insert(x_.begin() + form.smoothing() - 1, first_phi);
    }

    void start_afresh(const Form& form) {
        const Line line = first_line(series_.y, request_.period, form.season, season_of(form));
        x_.assign(1, 0.2);
        if (form.sloped()) x_.push_back(0.1);
        if (form.seasonal()) x_.push_back(0.1);
        if (form.damped()) x_.push_back(first_phi);
        // An exponential trend touches the line in the middle.
        const double factor = line.mean > 0 ? std::clamp(1 + line.slope / line.mean, 0.5, 2.0) : 1.0;
        x_.push_back(!form.sloped() ? line.mean : form.exponential() ? line.mean * std::pow(factor, -line.middle) : line.at_zero);
        if (form.sloped()) x_.push_back(form.exponential() ? factor : line.slope);
        if (form.seasonal() && request_.period <= request_.free_seasons) x_.insert(x_.end(), season_of(form) + 1, season_of(form) + request_.period);
    }

    // Where the heuristic values forecast something that the form cannot: a level that hardly moves, neither trend nor season.
    void start_level(const Form& form) {
        const int states = form.smoothing();
        std::fill_n(x_.begin(), states, 0.01);
        if (form.damped()) x_[states - 1] = first_phi;
        std::fill(x_.begin() + states, x_.end(), form.season == Season::multiplicative ? 1.0 : 0.0);
        x_[states] = 1;
        if (form.sloped()) x_[states + 1] = form.exponential() ? 1 : 0;
    }

    // The parameters of the admissible region at a point of the usual one.
    void widen(const Form& form) {
        if (form.seasonal()) x_[1 + form.sloped()] *= 1 - x_[0];
        if (form.sloped()) x_[1] *= x_[0];
    }

    void bound(const Form& form, Region region) {
        const bool usual = region != Region::admissible;
        lower_.assign(x_.size(), -1e6);
        upper_.assign(x_.size(), 1e6);
        const int states = form.smoothing(), rates = states - form.damped();
        std::fill_n(lower_.begin(), rates, usual ? 1e-4 : 1e-8);
        std::fill_n(upper_.begin(), rates, usual ? 0.9999 : 4.0);
        if (form.damped()) lower_[rates] = 0.8, upper_[rates] = 0.98;
        if (form.exponential()) lower_[states] = 1e-6, lower_[states + 1] = 0.01, upper_[states + 1] = 100;
        if (form.season == Season::multiplicative) std::fill(lower_.begin() + states + 1 + form.sloped(), lower_.end(), 0.01);
    }

    // Moves `x_` to the optimum of a form; -2 log L there, up to a constant.
    double fit(const Form& form, Region region, Fitting how) {
        errors_.of(series_, form, request_, region, season_of(form));
        bound(form, region);
        how.step = 1e-7;
        how.longest = 0.5;
        how.patience = 100;  // with 30, one series in a hundred lost a better form, on M4 hourly one in twenty
        how.passes = 60;
        return levenberg_.minimise(errors_, x_.data(), lower_.data(), upper_.data(), errors_.parameters(), how).criterion;
    }

    // The states before the first value at `x_`, as the errors see them: level and additive states are divided by the scale.
    void states(const Form& form, double* state) const {
        const int at = form.smoothing();
        state[0] = x_[at];
        state[1] = form.sloped() ? x_[at + 1] : 0;
        std::fill_n(state + 2, request_.period, 0.0);
        if (form.seasonal()) errors_.seasons(x_.data(), state + 2);
    }

    void polish(Found& found, double* state) {
        const Form form = Form::of(found.form);
        x_ = best_;
        fit(form, request_.region, {.tolerance = 1e-7});
        found.rate = errors_.rates(x_.data());
        states(form, state);
        state[0] *= series_.scale;
        if (!form.exponential()) state[1] *= series_.scale;
        if (form.season == Season::additive)
            for (int i = 0; i < request_.period; ++i) state[2 + i] *= series_.scale;
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

// Exponential smoothing in state space form, one series at a time.
//
//     growth  g = 0 | phi b | b^phi                 (trend: none | additive | multiplicative; phi = 1 without damping)
//     q = l + g | l g    forecast f = q | q + s | q s                    (season: none | additive | multiplicative)
//     d = y - q | y - f | y/s - q   error    e = y - f | y/f - 1         (error: additive | multiplicative)
//     l <- q + alpha d   b <- g + beta d | g + beta d / l                s <- s + gamma (y - f) | s + gamma (y/q - s)
//
// The kind of error changes the likelihood, never the states. A missing value moves the states as if it had been f. With n values
// observed and up to a constant
//
//     -2 log L = n log(sum e^2) + 2 sum log f           (the second sum for multiplicative errors only)
//
// Source: Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing (Springer 2008), chapters 2, 5 and 10.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "parallel.hpp"

namespace forecaster::ets {

enum class Trend { none, additive, damped, multiplicative, damped_multiplicative };
enum class Season { none, additive, multiplicative };
enum class Growth { none, sum, product, power };  // how a trend is carried on: l + phi b, l b, l b^phi
enum class Region { usual, admissible, both };
enum class Select { aic, aicc, bic, backtest };

struct Form {
    bool multiplicative = false;  // errors
    Trend trend = Trend::none;
    Season season = Season::none;

    bool sloped() const { return trend != Trend::none; }
    bool damped() const { return trend == Trend::damped || trend == Trend::damped_multiplicative; }
    bool seasonal() const { return season != Season::none; }
    Growth growth() const {
        constexpr Growth kinds[] = {Growth::none, Growth::sum, Growth::sum, Growth::product, Growth::power};
        return kinds[static_cast<int>(trend)];
    }
    bool exponential() const { return growth() == Growth::product || growth() == Growth::power; }
    bool positive() const { return multiplicative || exponential() || season == Season::multiplicative; }  // takes positive values only
    int smoothing() const { return 1 + sloped() + seasonal() + damped(); }
    // Estimated numbers without the variance: smoothing parameters and initial states.
    int parameters(int period) const { return smoothing() + 1 + sloped() + (seasonal() ? period - 1 : 0); }
    int code() const { return multiplicative + 2 * static_cast<int>(trend) + 10 * static_cast<int>(season); }
    static Form of(int code) { return {code % 2 == 1, static_cast<Trend>(code / 2 % 5), static_cast<Season>(code / 10)}; }
};
constexpr int forms = 30;

template <class T>
struct Rates {
    T alpha, beta, gamma, phi;
};

// What the slope adds to the level in one step, or multiplies it by.
template <Growth growth, class T>
[[gnu::always_inline]] inline T grown(const Rates<T>& rate, T slope) {
    using std::exp, std::log;
    if constexpr (growth == Growth::none) return T(0.0);
    if constexpr (growth == Growth::sum) return rate.phi * slope;
    if constexpr (growth == Growth::power) return exp(rate.phi * log(slope));
    return slope;
}

template <Growth growth, class T>
[[gnu::always_inline]] inline T carried(T level, T grown) {
    if constexpr (growth == Growth::none) return level;
    if constexpr (growth == Growth::sum) return level + grown;
    return level * grown;
}

inline double seasoned(double q, Season season, double s) {
    return season == Season::additive ? q + s : season == Season::multiplicative ? q * s : q;
}

// Level and slope on their way through a series. What every step waits for is the next q, so that is carried on by itself:
// with an additive trend q' = (q + phi g) + (alpha + phi beta) d is two operations after q, while l and b are another two.
template <bool multiplicative, Growth growth, Season season, class T>
class Path {
  public:
    T level, slope;

    [[gnu::always_inline]] Path(const Rates<T>& rate, T level, T slope) : level(level), slope(slope), rate_(rate), reach_(rate.alpha + rate.phi * rate.beta) {
        look();
    }

    T next() const { return q_; }  // before the season is put on

    // One observed value: moves the states, gives the error and the forecast `f`.
    [[gnu::always_inline]] T take(T y, T& s, T& f) {
        const T q = q_, g = g_;
        const T d = season == Season::multiplicative ? y / s - q : season == Season::additive ? (y - s) - q : y - q;
        f = season == Season::multiplicative ? q * s : season == Season::additive ? q + s : q;
        const T share = season == Season::multiplicative || multiplicative ? d / (season == Season::additive ? f : q) : T(0.0);
        const T e = multiplicative ? share : season == Season::multiplicative ? y - f : d;
        if constexpr (season == Season::additive) s = s + rate_.gamma * d;
        if constexpr (season == Season::multiplicative) s = s + rate_.gamma * (share * s);
        if constexpr (growth == Growth::sum) slope = g + rate_.beta * d;
        if constexpr (exponential) slope = g + rate_.beta * d / level;
        level = q + rate_.alpha * d;
        if constexpr (growth == Growth::sum) g_ = rate_.phi * slope, q_ = (q + rate_.phi * g) + reach_ * d;
        else look();
        return e;
    }

    // A missing value.
    [[gnu::always_inline]] void skip() {
        level = q_;
        if constexpr (growth != Growth::none) slope = g_;
        look();
    }

    // Keeps an exponential trend where there is one: level and slope no less than a number each.
    void lift(T least_level, T least_slope) {
        if constexpr (!exponential) return;
        level = level > least_level ? level : least_level;
        slope = slope > least_slope ? slope : least_slope;
        look();
    }

  private:
    static constexpr bool exponential = growth == Growth::product || growth == Growth::power;
    Rates<T> rate_;
    T g_, q_, reach_;

    [[gnu::always_inline]] void look() {
        g_ = grown<growth>(rate_, slope);
        q_ = carried<growth>(level, g_);
    }
};

// Calls visit.operator()<multiplicative, growth, season>().
template <class Visit>
auto with_form(const Form& form, Visit visit) {
    const auto seasoned = [&]<bool multiplicative, Growth growth>() {
        switch (form.season) {
            case Season::additive: return visit.template operator()<multiplicative, growth, Season::additive>();
            case Season::multiplicative: return visit.template operator()<multiplicative, growth, Season::multiplicative>();
            default: return visit.template operator()<multiplicative, growth, Season::none>();
        }
    };
    const auto trended = [&]<bool multiplicative>() {
        switch (form.growth()) {
            case Growth::sum: return seasoned.template operator()<multiplicative, Growth::sum>();
            case Growth::product: return seasoned.template operator()<multiplicative, Growth::product>();
            case Growth::power: return seasoned.template operator()<multiplicative, Growth::power>();
            default: return seasoned.template operator()<multiplicative, Growth::none>();
        }
    };
    return form.multiplicative ? trended.template operator()<true>() : trended.template operator()<false>();
}

// What to try.
struct Request {
    int period = 1;                // steps in a season; 1 for none
    std::vector<Form> forms;       // candidates
    Region region = Region::usual;
    Select select = Select::aicc;
    int free_seasons = 24;         // initial seasonal states are fitted up to this period, beyond it they stay those of the decomposition
    double prior = 0;              // weight of (beta / alpha)^2 in -2 log L
    int holdout = 0;               // values at the end of a series on which a backtest compares forms
};

// What was found. `state` (level, slope, one seasonal state per step of the period) is the one before the first value.
struct Found {
    int form = -1;  // code; -1 where none could be fitted
    Rates<double> rate{0, 0, 0, 1};
};

// Fits every form and keeps the best, for the series `first` to `last` whose rows are begin[i] to end[i]; a series starts and ends
// with an observed value. `states` (series, 2 + period) gets the states before the first value.
template <int W>
void search(const double* values, const Index* begin, const Index* end, Index first, Index last, const Request& request, Found* found, double* states);

}  // namespace forecaster::ets

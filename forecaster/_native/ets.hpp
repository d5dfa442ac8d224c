// Exponential smoothing in state space form, one series at a time.
//
//     q = l + phi b                 forecast f = q | q + s | q s         (season: none | additive | multiplicative)
//     d = y - q | y - f | y/s - q   error    e = y - f | y/f - 1         (error: additive | multiplicative)
//     l <- q + alpha d              b <- phi b + beta d                  s <- s + gamma (y - f) | s + gamma (y/q - s)
//
// Without damping phi = 1, without trend b = 0. The kind of error changes the likelihood, never the states. A missing value
// moves the states as if it had been f. With n values observed and up to a constant
//
//     -2 log L = n log(sum e^2) + 2 sum log f           (the second sum for multiplicative errors only)
//
// Source: Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing (Springer 2008), chapters 2, 5 and 10.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel.hpp"

namespace forecaster::ets {

enum class Trend { none, additive, damped };
enum class Season { none, additive, multiplicative };
enum class Region { usual, admissible };
enum class Select { aic, aicc, bic };

struct Form {
    bool multiplicative = false;  // errors
    Trend trend = Trend::none;
    Season season = Season::none;

    bool sloped() const { return trend != Trend::none; }
    bool seasonal() const { return season != Season::none; }
    bool positive() const { return multiplicative || season == Season::multiplicative; }  // takes positive values only
    int smoothing() const { return 1 + sloped() + seasonal() + (trend == Trend::damped); }
    // Estimated numbers without the variance: smoothing parameters and initial states.
    int parameters(int period) const { return smoothing() + 1 + sloped() + (seasonal() ? period - 1 : 0); }
    int code() const { return multiplicative + 2 * static_cast<int>(trend) + 6 * static_cast<int>(season); }
    static Form of(int code) { return {code % 2 == 1, static_cast<Trend>(code / 2 % 3), static_cast<Season>(code / 6)}; }
};
constexpr int forms = 18;

template <class T>
struct Rates {
    T alpha, beta, gamma, phi;
};

// One observed value: moves the states, gives the error and the forecast `f`.
template <bool multiplicative, bool sloped, Season season, class T>
[[gnu::always_inline]] inline T advance(T y, const Rates<T>& rate, T& level, T& slope, T& s, T& f) {
    const T grown = sloped ? rate.phi * slope : T(0.0);
    const T q = sloped ? level + grown : level;
    T d = y - q, e = d;
    f = q;
    if constexpr (season == Season::additive) {
        f = q + s;
        e = d = y - f;
        s = s + rate.gamma * d;
    }
    if constexpr (season == Season::multiplicative) {
        f = q * s;
        e = y - f;
        const T share = y / f;
        d = (share - T(1.0)) * q;
        s = s + rate.gamma * ((share - T(1.0)) * s);
        if constexpr (multiplicative) e = share - T(1.0);
    } else if constexpr (multiplicative) {
        e = e / f;
    }
    level = q + rate.alpha * d;
    if constexpr (sloped) slope = grown + rate.beta * d;
    return e;
}

// A missing value.
template <bool sloped, class T>
[[gnu::always_inline]] inline void coast(const Rates<T>& rate, T& level, T& slope) {
    if constexpr (!sloped) return;
    slope = rate.phi * slope;
    level = level + slope;
}

// Calls visit.operator()<multiplicative, sloped, season>().
template <class Visit>
auto with_form(const Form& form, Visit visit) {
    const auto seasoned = [&]<bool multiplicative, bool sloped>() {
        switch (form.season) {
            case Season::additive: return visit.template operator()<multiplicative, sloped, Season::additive>();
            case Season::multiplicative: return visit.template operator()<multiplicative, sloped, Season::multiplicative>();
            default: return visit.template operator()<multiplicative, sloped, Season::none>();
        }
    };
    if (form.multiplicative) return form.sloped() ? seasoned.template operator()<true, true>() : seasoned.template operator()<true, false>();
    return form.sloped() ? seasoned.template operator()<false, true>() : seasoned.template operator()<false, false>();
}

// What to try.
struct Request {
    int period = 1;                // steps in a season; 1 for none
    std::vector<Form> forms;       // candidates
    Region region = Region::usual;
    Select select = Select::aicc;
    int free_seasons = 24;         // initial seasonal states are fitted up to this period, beyond it they stay those of the decomposition
    double prior = 0;              // weight of (beta / alpha)^2 in -2 log L
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

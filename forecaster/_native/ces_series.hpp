// One series of complex exponential smoothing: fit, move on over newer values, forecast (equations in ces.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "ces.hpp"
#include "season.hpp"

namespace forecaster {

// A model is this row and its state: level, potential, season and shadow, one after another, in a row of `ces_room(period)` numbers.
struct Ces {
    double cycle = 0, x[4] = {std::numeric_limits<double>::quiet_NaN(), 0, 0, 0};
    double sigma = 0;  // standard deviation of the error one step ahead
    double steps = 0;  // since the first value
    double gap = 0;    // missing values at the end, over which the variance has grown already
    Cycle kind() const { return static_cast<Cycle>(static_cast<Index>(cycle)); }
};
static_assert(sizeof(Ces) == 8 * sizeof(double));
constexpr Index ces_width = 8;
constexpr Index ces_room(Index period) { return 2 * period + 2; }
constexpr double enough_for_weights = 2;

template <class Function>
void over_state(CesState<double>& at, Function function) {
    for (auto* part : {&at.level, &at.potential, &at.season, &at.shadow})
        for (double& value : *part) function(value);
}

inline CesState<double> state_of(const Ces& model, Index period, const double* row) {
    CesState<double> at;
    at.resize(model.kind(), period);
    over_state(at, [&](double& value) { value = *row++; });
    return at;
}

inline void keep_state(CesState<double>& at, double* row) {
    over_state(at, [&](const double& value) { *row++ = value; });
}

// A first guess: the mean of the first season (or ten values), the first season itself, the indices of an additive season.
inline CesState<double> rough_state(const std::vector<double>& whole, Cycle cycle, Index period) {
    CesState<double> at;
    at.resize(cycle, period);
    const Index n = static_cast<Index>(whole.size()), first = std::min(cycle == Cycle::none ? std::max<Index>(10, period) : period, n);
    double mean = 0;
    for (Index t = 0; t < first; ++t) mean += whole[t] / static_cast<double>(first);
    for (std::size_t i = 0; i < at.level.size(); ++i) at.level[i] = cycle == Cycle::simple ? whole[i] : mean;
    if (has_season(cycle)) indices(whole, period, false, at.season.data());
    for (std::size_t i = 0; i < at.level.size(); ++i) at.potential[i] = at.level[i] / 1.1;
    for (std::size_t i = 0; i < at.season.size(); ++i) at.shadow[i] = cycle == Cycle::full ? at.season[i] / 1.1 : 0.0;
    return at;
}

// What one thread works with.
struct CesRoom {
    std::vector<double> y, whole;
    double observed = 0;
};

inline double scale_to_one(const double* x, Index n, CesRoom& room) {
    double sum = 0;
    room.observed = 0;
    for (Index t = 0; t < n; ++t)
        if (std::isfinite(x[t])) sum += std::fabs(x[t]), room.observed += 1;
    const double mean = room.observed > 0 ? sum / room.observed : 0.0, scale = mean > 0 && std::isfinite(mean) ? mean : 1.0;
    room.y.resize(n);
    for (Index t = 0; t < n; ++t) room.y[t] = std::isfinite(x[t]) ? x[t] / scale : std::numeric_limits<double>::quiet_NaN();
    bridge(room.y.data(), n, room.whole);
    return scale;
}

// Where the search starts: with and without a strong potential, for there may be a hill between the two.
constexpr double first_guess[2][4] = {{1.3, 1.0, 1.3, 1.0}, {1.05, 1.0, 0.5, 1.0}};
constexpr double first_partial[2] = {0.1, 0.5};
constexpr double rare = 0.12;

inline void guess_weights(Cycle cycle, int start, double* x) {
    std::fill(x, x + 4, 0.0);
    std::copy_n(first_guess[start], weights_of(cycle), x);
    if (cycle == Cycle::partial) x[2] = first_partial[start];
}

// The better of two searches; the first guess where there are too few values to search with.
template <class Search>
void find_weights(const CesSight& sight, Search search, double* x) {
    double least = std::numeric_limits<double>::infinity();
    for (int start = 0; start < 2; ++start) {
        double guess[4];
        guess_weights(sight.cycle, start, guess);
        const bool searched = sight.observed > enough_for_weights;
        const double squares = searched ? search(sight, guess) : 0.0;
        if (start == 0 || squares < least) {
            least = squares;
            std::copy_n(guess, 4, x);
        }
        if (!searched) return;
    }
}

// The states before the first value and after the last.
struct CesEnds {
    CesState<double> first, last;
};

inline double squares_at(const CesSight& sight, const double* x, CesEnds& ends) {
    double squares = 0;
    const auto add = [&squares](Index, double error) { squares += error * error; };
    with_cycle(sight.cycle, [&]<Cycle cycle>() {
        ends.first = sight.rough;
        backcast<cycle>(sight.y, sight.period, x, ends.first);
        ends.last = ends.first;
        sweep<cycle, true>(sight.y, sight.period, x, ends.last, add);
    });
    return squares;
}

// One kind of season, fitted to scaled values; its AICc comes back, not a number where its forecasts are none.
template <class Search>
double fit_cycle(const CesRoom& room, Cycle cycle, Index period, Search search, Ces& model, CesEnds& ends) {
    const int weights = weights_of(cycle);
    const CesState<double> rough = rough_state(room.whole, cycle, period);
    CesSight sight{room.y, room.observed, cycle, period, rough, 0.0};
    guess_weights(cycle, 0, model.x);
    sight.pull = std::sqrt(squares_at(sight, model.x, ends) / room.observed) * static_cast<double>(period) / rare;
    model.cycle = static_cast<double>(static_cast<Index>(cycle));
    find_weights(sight, search, model.x);
    const double squares = squares_at(sight, model.x, ends);
    const double n = room.observed, parameters = weights + 1, spare = n - parameters - 1;
    model.sigma = std::sqrt(squares / std::max(n - weights, 1.0));
    return n * std::log(std::max(squares, 1e-280) / n) + 2 * parameters + (spare > 0 ? 2 * parameters * (parameters + 1) / spare : 1e6);
}

constexpr bool fits(Cycle cycle, double observed, Index n, Index period) {
    return cycle == Cycle::none || (period > 1 && n >= 2 * period && observed > static_cast<double>(period) + weights_of(cycle) + 2);
}

// Missing values at the end, if there were so many before the first of these.
inline double gap_after(const double* x, Index n, double before) {
    Index t = n;
    while (t > 0 && !std::isfinite(x[t - 1])) --t;
    return static_cast<double>(n - t) + (t == 0 ? before : 0.0);
}

// Fits one series; x[0] of the model is NaN where nothing was observed. `asked` is a Cycle, or -1 for the one with the least AICc;
// a series too short for it gets none. The states
// go to `before` and `row`.
template <class Search>
Ces fit_ces(const double* x, Index n, Index asked, Index period, Search search, CesRoom& room, double* before, double* row) {
    Ces best;
    for (double* out : {before, row}) std::fill(out, out + ces_room(period), 0.0);
    while (n > 0 && !std::isfinite(*x)) ++x, --n;
    if (n == 0) return best;
    const double scale = scale_to_one(x, n, room);
    const bool possible = asked < 0 || fits(static_cast<Cycle>(asked), room.observed, n, period);
    double least = std::numeric_limits<double>::infinity();
    for (Index kind = 0; kind < 4; ++kind) {
        const Cycle cycle = static_cast<Cycle>(kind);
        if (asked < 0 ? !fits(cycle, room.observed, n, period) : kind != (possible ? asked : 0)) continue;
        Ces one;
        CesEnds ends;
        const double criterion = fit_cycle(room, cycle, period, search, one, ends);
        if (!(criterion < least)) continue;
        least = criterion;
        best = one;
        for (auto [at, out] : {std::pair{&ends.first, before}, std::pair{&ends.last, row}}) {
            over_state(*at, [&](double& value) { value *= scale; });
            keep_state(*at, out);
        }
    }
    best.sigma *= scale;
    best.steps = static_cast<double>(n);
    best.gap = gap_after(x, n, 0.0);
    return best;
}

inline Index step_of(const Ces& model) { return static_cast<Index>(model.steps); }

// Over further values; what was expected of each goes to `said`, where that is given.
inline void follow_ces(const double* x, Index n, Index period, Ces& model, double* row, double* said) {
    CesState<double> at = state_of(model, period, row);
    Place place(static_cast<Index>(at.level.size()), period, step_of(model));
    with_cycle(model.kind(), [&]<Cycle cycle>() {
        for (Index t = 0; t < n; ++t) {
            const double mean = expected<cycle>(at, place);
            if (said) said[t] = mean;
            move<cycle>(at, place, model.x, std::isfinite(x[t]) ? x[t] - mean : 0.0);
            place.forwards();
        }
    });
    model.steps += static_cast<double>(n);
    model.gap = gap_after(x, n, model.gap);
    keep_state(at, row);
}

// The next steps of a state that meets no error.
inline void run_on(const Ces& model, Index period, CesState<double> at, Index phase, Index horizon, double* out) {
    Place place(static_cast<Index>(at.level.size()), period, phase);
    with_cycle(model.kind(), [&]<Cycle cycle>() {
        for (Index h = 0; h < horizon; ++h) {
            out[h] = expected<cycle>(at, place);
            move<cycle>(at, place, model.x, 0.0);
            place.forwards();
        }
    });
}

// Means and standard deviations of the next steps.
inline void ces_ahead(const Ces& model, Index period, const double* row, Index horizon, double* mean, double* spread) {
    run_on(model, period, state_of(model, period, row), step_of(model), horizon, mean);
    CesState<double> at;
    at.resize(model.kind(), period);
    over_state(at, [](double& value) { value = 0.0; });
    with_cycle(model.kind(), [&]<Cycle cycle>() { move<cycle>(at, Place(static_cast<Index>(at.level.size()), period, 0), model.x, 1.0); });
    const Index gap = static_cast<Index>(model.gap);
    std::vector<double> psi(horizon + gap);
    run_on(model, period, at, 1, horizon + gap, psi.data());
    double variance = 1;
    for (Index h = 0; h < horizon + gap; ++h) {
        if (h >= gap) spread[h - gap] = model.sigma * std::sqrt(variance);
        variance += psi[h] * psi[h];
    }
}

}  // namespace forecaster

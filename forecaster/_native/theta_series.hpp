// One series of the Theta method: fit, move on over newer values, forecast (equations in theta.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "season.hpp"
#include "theta.hpp"

namespace forecaster {

struct Theta {
    double form = 0, alpha = std::numeric_limits<double>::quiet_NaN(), k = 0;
    double sigma = 0;   // standard deviation of the error one step ahead
    double season = 0;  // a Season
    double level = 0, steps = 0;
    Line line = {};
    double phase = 0;  // steps since the fit: the index of the season to come
    double gap = 0;    // missing values at the end, over which the variance has grown already
    double start = 0;  // l_0

    Form kind() const { return static_cast<Form>(static_cast<Index>(form)); }
    Season cycle() const { return static_cast<Season>(static_cast<Index>(season)); }

    // k g_t of the step to come; `power` is (1-a)^steps.
    double drift(double power) const { return k * (power * line.intercept() + (1 - power * (1 - alpha)) / alpha * line.slope()); }

    // Over one step: `y` as it was, or as expected.
    void move(double y, bool regress) {
        steps += 1;
        level += alpha * (y - level);
        if (regress) line.push(steps, y);
    }

    // Back to before the first value.
    void restart(Index period) {
        phase = static_cast<double>(((static_cast<Index>(phase - steps) % period) + period) % period);
        level = start, steps = gap = 0;
        if (is_dynamic(kind())) line = {};
    }
};
static_assert(sizeof(Theta) == 15 * sizeof(double));
constexpr Index theta_width = 15;

struct Asked {
    Index form;  // a Form, or -1 for the one with the least AICc
    Index period;
    Season season;
};

// Errors that do not count, and whether a series is long enough to choose theta.
constexpr Index settling(double observed) { return observed > 6 ? 3 : 0; }
constexpr double enough_for_theta = 7;

// What one thread works with.
struct Room {
    std::vector<double> y, intercept, slope, index;
};

inline double scale_of(const std::vector<double>& y) {
    double sum = 0, n = 0;
    for (const double value : y)
        if (std::isfinite(value)) sum += std::fabs(value), n += 1;
    const double scale = n > 0 ? sum / n : 0.0;
    return scale > 0 && std::isfinite(scale) ? scale : 1.0;
}

// Values without season and of mean size one; index j of the season is that of the j-th step after the end.
inline double prepare(const double* x, Index n, const Asked& asked, Room& room, Theta& model, double* season) {
    room.index.assign(std::max<Index>(asked.period, 1), 0.0);
    const Season kind = find_season(x, n, asked.period, asked.season, room.index.data());
    model.season = static_cast<double>(static_cast<Index>(kind));
    room.y.resize(n);
    for (Index t = 0; t < n; ++t)
        room.y[t] = std::isfinite(x[t]) ? without_season(x[t], kind, room.index[t % asked.period]) : std::numeric_limits<double>::quiet_NaN();
    for (Index j = 0; j < asked.period; ++j) season[j] = room.index[(n + j) % asked.period];
    const double scale = scale_of(room.y);
    for (double& value : room.y) value /= scale;
    return scale;
}

// A and B as known before each step; the regression over all values comes back.
inline Line regress(Room& room, bool dynamic) {
    const Index n = static_cast<Index>(room.y.size());
    room.intercept.resize(n);
    room.slope.resize(n);
    Line line{.mean = room.y[0]};
    for (Index t = 0; t < n; ++t) {
        room.intercept[t] = line.intercept();
        room.slope[t] = line.slope();
        if (room.y[t] == room.y[t]) line.push(static_cast<double>(t + 1), room.y[t]);
    }
    if (!dynamic) {
        std::fill(room.intercept.begin(), room.intercept.end(), line.intercept());
        std::fill(room.slope.begin(), room.slope.end(), line.slope());
    }
    return line;
}

inline double aicc(double squares, double n, double parameters) {
    const double spare = n - parameters - 1;
    return n * std::log(std::max(squares, 1e-300) / n) + 2 * parameters + (spare > 0 ? 2 * parameters * (parameters + 1) / spare : 1e6);
}

// Follows the values from l_0 to the level after the last one.
inline void filter(const Room& room, Theta& model) {
    double power = 1;
    for (std::size_t t = 0; t < room.y.size(); ++t) {
        const double next = power * (1 - model.alpha), y = room.y[t];
        const double g = power * room.intercept[t] + (1 - next) / model.alpha * room.slope[t];
        model.level += model.alpha * (y == y ? y - model.level : model.k * g);
        model.gap = y == y ? 0.0 : model.gap + 1;
        power = next;
    }
    model.steps = static_cast<double>(room.y.size());
}

inline void back_to_scale(Theta& model, double scale) {
    for (double* value : {&model.sigma, &model.level, &model.start, &model.line.mean, &model.line.ty}) *value *= scale;
}

// One form, fitted; its AICc in `criterion`.
template <class Search>
Theta fit_form(Form form, Room& room, Theta model, Search search, double& criterion) {
    model.line = regress(room, is_dynamic(form));
    const Index skip = settling(model.line.n);
    const bool optimised = is_optimised(form) && model.line.n >= enough_for_theta;
    const Found found = search(Sight{room.y.data(), room.intercept.data(), room.slope.data(), static_cast<Index>(room.y.size()), skip, optimised});
    const double counted = model.line.n - static_cast<double>(skip), parameters = 2 + optimised;
    model.form = static_cast<double>(static_cast<Index>(form));
    model.alpha = found.alpha > 0 ? found.alpha : std::numeric_limits<double>::quiet_NaN();
    model.k = found.k;
    model.level = model.start = found.level;
    model.sigma = std::sqrt(found.squares / std::max(counted - parameters, 1.0));
    filter(room, model);
    criterion = aicc(found.squares, counted, parameters + 1);
    return model;
}

// Fits one series that begins with an observed value; the model's alpha is NaN where there is none. Indices of the season go to `season`.
template <class Search>
Theta fit_theta(const double* x, Index n, const Asked& asked, Search search, Room& room, double* season) {
    Theta start, best;
    while (n > 0 && !std::isfinite(*x)) ++x, --n;
    std::fill(season, season + asked.period, 0.0);
    if (n == 0) return best;
    const double scale = prepare(x, n, asked, room, start, season);
    double least = std::numeric_limits<double>::infinity();
    for (Index form = 0; form < 4; ++form) {
        if (asked.form >= 0 && asked.form != form) continue;
        double criterion = 0;
        const Theta one = fit_form(static_cast<Form>(form), room, start, search, criterion);
        if (asked.form >= 0 || criterion < least) {
            least = criterion;
            best = one;
        }
    }
    back_to_scale(best, scale);
    return best;
}

// Over further values; what was expected of each goes to `said`, where that is given.
inline void follow_theta(const double* x, Index n, const double* season, Index period, Theta& model, double* said) {
    double power = std::pow(1 - model.alpha, model.steps);
    for (Index t = 0; t < n; ++t) {
        const double index = season[static_cast<Index>(model.phase) % period];
        const bool seen = std::isfinite(x[t]);
        if (seen && model.line.n == 0) model.line.mean = without_season(x[t], model.cycle(), index);
        const double expected = model.level + model.drift(power);
        if (said) said[t] = with_season(expected, model.cycle(), index);
        model.move(seen ? without_season(x[t], model.cycle(), index) : expected, seen && is_dynamic(model.kind()));
        model.phase = static_cast<double>((static_cast<Index>(model.phase) + 1) % period);
        model.gap = seen ? 0.0 : model.gap + 1;
        power *= 1 - model.alpha;
    }
}

// Means and standard deviations of the next steps.
inline void theta_ahead(Theta model, const double* season, Index period, Index horizon, double* mean, double* spread) {
    double power = std::pow(1 - model.alpha, model.steps);
    for (Index h = 0; h < horizon; ++h) {
        const double index = season[(static_cast<Index>(model.phase) + h) % period];
        const double expected = model.level + model.drift(power);
        const double spread_here = model.sigma * std::sqrt(1 + (static_cast<double>(h) + model.gap) * model.alpha * model.alpha);
        mean[h] = with_season(expected, model.cycle(), index);
        spread[h] = model.cycle() == Season::multiplicative ? spread_here * index : spread_here;
        model.move(expected, is_dynamic(model.kind()));
        power *= 1 - model.alpha;
    }
}

}  // namespace forecaster

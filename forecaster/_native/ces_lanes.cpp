// The search for the complex weights: Levenberg-Marquardt over the errors of the last of three sweeps (equations in ces.hpp).
#include "ces.hpp"
#include "levenberg.hpp"

namespace forecaster {

namespace {

constexpr double least = 1e-280;

template <int W, Cycle cycle>
struct CesProblem {
    const CesSight& sight;
    CesState<Lanes<W>>& at;
    std::vector<Lanes<W>>& errors;  // and the pull on the imaginary part as the last of them

    Index rows() const { return static_cast<Index>(sight.y.size()) + 1; }
    Lanes<W> residual(Index t) const { return errors[t]; }
    double rate(double squares) const { return sight.observed / std::max(squares, least); }

    void begin() const {
        at.resize(cycle, sight.period);
        const auto copy = [](const std::vector<double>& from, std::vector<Lanes<W>>& to) {
            for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
        };
        copy(sight.rough.level, at.level), copy(sight.rough.potential, at.potential);
        copy(sight.rough.season, at.season), copy(sight.rough.shadow, at.shadow);
    }

    Lanes<W> pass(const Lanes<W>* x, Points) const {
        begin();
        Lanes<W> squares = 0.0;
        backcast<cycle>(sight.y, sight.period, x, at);
        sweep<cycle, true>(sight.y, sight.period, x, at, [&](Index t, const Lanes<W>& error) {
            errors[t] = error;
            squares += error * error;
        });
        const Lanes<W> pulled = Lanes<W>(sight.pull) * (x[1] - Lanes<W>(1.0));
        errors[sight.y.size()] = pulled;
        squares += pulled * pulled;
        for (int lane = 0; lane < W; ++lane)
            squares.set(lane, has_season(cycle) || is_stable(x[0][lane], x[1][lane]) ? sight.observed * std::log(std::max(squares[lane], least))
                                                                                       : std::numeric_limits<double>::infinity());
        return squares;
    }
};

constexpr double lower[] = {0.01, 0.01, 0.01, 0.01}, upper[] = {1.8, 1.9, 1.5, 1.5};

}  // namespace

template <int W>
double best_weights(const CesSight& sight, double* x) {
    thread_local Levenberg<W> levenberg;
    thread_local CesState<Lanes<W>> at;
    thread_local std::vector<Lanes<W>> errors;
    errors.resize(sight.y.size() + 1);
    const Fitting how{.tolerance = 1e-5, .step = 1e-6, .longest = 0.3, .passes = 40};
    return with_cycle(sight.cycle, [&]<Cycle cycle>() {
        CesProblem<W, cycle> problem{sight, at, errors};
        const Fitted found = levenberg.minimise(problem, x, lower, upper, weights_of(cycle), how);
        return std::exp(found.criterion / sight.observed);
    });
}

template double best_weights<FORECASTER_LANES>(const CesSight&, double*);

}  // namespace forecaster

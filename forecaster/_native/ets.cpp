// forecaster._native.ets: exponential smoothing of all series of a table in one call (see ets.pyi, equations in ets.hpp).
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "arrays.hpp"
#include "ets.hpp"
#include "ets_ahead.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;
using namespace forecaster::ets;

namespace {

// The rows of each series.
struct Rows {
    Row<const double> values;
    Row<const Index> begin, end;

    Index size() const { return static_cast<Index>(begin.size()); }
    void check() const {
        expect(begin.size() == end.size(), "begin and end must have one row number per series");
        for (Index i = 0; i < size(); ++i)
            expect(0 <= begin(i) && begin(i) <= end(i) && end(i) <= static_cast<Index>(values.size()), "0 <= begin <= end <= number of values, for every series");
    }
    // Calls body(first, last) for ranges of series, in a few threads.
    template <class Body>
    void over(Index threads, Index worth, Body body) const {
        std::vector<Index> rows(size() + 1, 0);
        for (Index i = 0; i < size(); ++i) rows[i + 1] = rows[i] + end(i) - begin(i) + 1;
        over_series(rows.data(), size(), threads, body, worth);
    }
};

// Fitted models: one row per series of every array; a form of -1 stands for no model.
template <class Number>
struct Models {
    Row<const std::int8_t> form;
    Sheet<const double> rate;
    Sheet<Number> state;

    int period() const { return static_cast<int>(state.shape(1)) - 2; }
    Rates<double> rates(Index i) const { return {rate(i, 0), rate(i, 1), rate(i, 2), rate(i, 3)}; }
    void check(Index series) const {
        const auto n = static_cast<std::size_t>(series);
        expect(form.size() == n && rate.shape(0) == n && state.shape(0) == n, "every array must have one row per series");
        expect(rate.shape(1) == 4 && state.shape(1) >= 3, "rate must be (series, 4), state (series, 2 + period)");
        for (std::size_t i = 0; i < n; ++i) expect(form(i) >= -1 && form(i) < forms, "form must be -1 to 29");
    }
};

using Searching = decltype(&search<2>);

void fit(Searching search, const Row<const double>& values, const Row<const Index>& begin, const Row<const Index>& end, const std::vector<int>& codes,
         Index region, Index select, Index free_seasons, double prior, Index holdout, const Row<std::int8_t>& form, const Sheet<double>& rate,
         const Sheet<double>& state, Index threads) {
    const Rows rows{values, begin, end};
    rows.check();
    expect(form.size() == begin.size() && rate.shape(0) == begin.size() && state.shape(0) == begin.size(), "every array must have one row per series");
    expect(rate.shape(1) == 4 && state.shape(1) >= 3, "rate must be (series, 4), state (series, 2 + period)");
    Request request{.period = static_cast<int>(state.shape(1)) - 2, .forms = {}, .region = static_cast<Region>(region),
                    .select = static_cast<Select>(select), .free_seasons = static_cast<int>(free_seasons), .prior = prior,
                    .holdout = static_cast<int>(holdout)};
    for (const int code : codes) {
        expect(code >= 0 && code < forms, "forms must be 0 to 29");
        request.forms.push_back(Form::of(code));
    }
    std::vector<Found> found(rows.size());
    constexpr Index worth_a_thread = 300;
    rows.over(threads, worth_a_thread,
              [&](Index first, Index last) { search(values.data(), begin.data(), end.data(), first, last, request, found.data(), state.data()); });
    for (Index i = 0; i < rows.size(); ++i) {
        form(i) = static_cast<std::int8_t>(found[i].form);
        const Rates<double>& r = found[i].rate;
        const double all[] = {r.alpha, r.beta, r.gamma, r.phi};
        std::copy_n(all, 4, &rate(i, 0));
    }
}

// Moves a state over the values of one series; `fitted` gets the forecasts, `sums` count, sum e^2, sum log f.
void roll(const double* y, Index n, const Form& form, const Rates<double>& rate, double* state, int period, Index phase, double* fitted, double* sums) {
    with_form(form, [&]<bool multiplicative, Growth growth, Season season>() {
        Path<multiplicative, growth, season, double> path(rate, state[0], state[1]);
        double f = 0;
        for (Index t = 0; t < n; ++t) {
            double& s = state[2 + (phase + t) % period];
            if (fitted) fitted[t] = seasoned(path.next(), season, s);
            if (!std::isfinite(y[t])) {
                path.skip();
                continue;
            }
            const double e = path.take(y[t], s, f);
            sums[0] += 1;
            sums[1] += e * e;
            if (multiplicative) sums[2] += std::log(std::fabs(f));
        }
        state[0] = path.level, state[1] = path.slope;
    });
}

void filter(const Row<const double>& values, const Row<const Index>& begin, const Row<const Index>& end, const Row<const std::int8_t>& form,
            const Sheet<const double>& rate, const Sheet<double>& state, const Row<const Index>& phase, const Sheet<double>& sums,
            const std::optional<Row<double>>& fitted, Index threads) {
    const Rows rows{values, begin, end};
    const Models<double> models{form, rate, state};
    rows.check();
    models.check(rows.size());
    expect(phase.size() == form.size() && sums.shape(0) == form.size() && sums.shape(1) == 3, "phase must be (series,), sums (series, 3)");
    expect(!fitted || fitted->size() == values.size(), "fitted must have one number per value");
    rows.over(threads, 50'000, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            if (form(i) >= 0 && phase(i) >= 0)
                roll(values.data() + begin(i), end(i) - begin(i), Form::of(form(i)), models.rates(i), &state(i, 0), models.period(), phase(i),
                     fitted ? fitted->data() + begin(i) : nullptr, &sums(i, 0));
    });
}

// Forecasts of one model for `horizon` steps after `gap` more.
void look(const Standing& at, Index gap, Index horizon, const std::vector<double>& levels, const std::vector<double>& scores, Index paths, bool closed,
          std::uint64_t seed, double* mean, double* quantiles) {
    const Index steps = gap + horizon;
    std::vector<double> path(steps), spread(closed ? steps : 0), sheet(closed || levels.empty() ? 0 : horizon * paths), sorted;
    means(at, steps, path.data());
    std::copy_n(path.data() + gap, horizon, mean);
    if (levels.empty()) return;
    if (closed) variances(at, steps, path.data(), spread.data());
    else simulate(at, gap, horizon, paths, seed, sheet.data());
    for (Index h = gap; h < steps; ++h) {
        double* out = quantiles + (h - gap) * static_cast<Index>(levels.size());
        if (!closed) {
            sorted.assign(sheet.begin() + (h - gap) * paths, sheet.begin() + (h - gap + 1) * paths);
            std::sort(sorted.begin(), sorted.end());
        }
        for (std::size_t q = 0; q < levels.size(); ++q)
            out[q] = closed ? path[h] + scores[q] * std::sqrt(std::max(spread[h], 0.0)) : quantile(sorted, levels[q]);
    }
}

void ahead(const Row<const std::int8_t>& form, const Sheet<const double>& rate, const Row<const double>& variance, const Sheet<const double>& state,
           const Row<const Index>& phase, const Row<const Index>& gap, const Row<const std::uint64_t>& seed, const std::vector<double>& levels,
           const std::vector<double>& scores, Index paths, bool always, const Sheet<double>& mean, const Cube<double>& quantiles, Index threads) {
    const Models<const double> models{form, rate, state};
    const Index series = static_cast<Index>(form.size()), horizon = static_cast<Index>(mean.shape(1));
    models.check(series);
    for (const std::size_t size : {variance.size(), phase.size(), gap.size(), seed.size(), mean.shape(0), quantiles.shape(0)})
        expect(size == form.size(), "every array must have one row per series");
    expect(quantiles.shape(1) == mean.shape(1) && quantiles.shape(2) == levels.size() && scores.size() == levels.size(), "quantiles must be (series, horizon, levels)");
    expect(paths > 0, "paths must be positive");
    std::vector<Index> cost(series + 1, 0);
    for (Index i = 0; i < series; ++i) cost[i + 1] = cost[i] + horizon + std::max<Index>(gap(i), 0);
    over_series(cost.data(), series, threads, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            if (form(i) < 0) continue;
            const Standing at{Form::of(form(i)), models.rates(i), variance(i), &state(i, 0), models.period(), phase(i)};
            look(at, gap(i), horizon, levels, scores, paths, at.closed() && !always, seed(i), &mean(i, 0), quantiles.data() + i * horizon * static_cast<Index>(levels.size()));
        }
    }, 2'000);
}

}  // namespace

NB_MODULE(ets, m) {
    const Level picked = level();
    const auto best = by_width(picked, []<int W>() { return &search<W>; });
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.attr("SIMD") = picked.name;
    m.def(
        "fit",
        [best](const Row<const double>& values, const Row<const Index>& begin, const Row<const Index>& end, const std::vector<int>& forms, Index region,
               Index select, Index free_seasons, double prior, Index holdout, const Row<std::int8_t>& form, const Sheet<double>& rate,
               const Sheet<double>& state, Index threads) {
            fit(best, values, begin, end, forms, region, select, free_seasons, prior, holdout, form, rate, state, threads);
        },
        nb::arg("values"), nb::arg("begin"), nb::arg("end"), nb::arg("forms"), nb::arg("region"), nb::arg("select"), nb::arg("free_seasons"), nb::arg("prior"),
        nb::arg("holdout"), nb::arg("form").noconvert(), nb::arg("rate").noconvert(), nb::arg("state").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("filter", &filter, nb::arg("values"), nb::arg("begin"), nb::arg("end"), nb::arg("form"), nb::arg("rate"), nb::arg("state").noconvert(),
          nb::arg("phase"), nb::arg("sums").noconvert(), nb::arg("fitted").noconvert() = nb::none(), nb::arg("threads") = 1, unlocked);
    m.def("ahead", &ahead, nb::arg("form"), nb::arg("rate"), nb::arg("variance"), nb::arg("state"), nb::arg("phase"), nb::arg("gap"), nb::arg("seed"),
          nb::arg("levels"), nb::arg("scores"), nb::arg("paths"), nb::arg("always"), nb::arg("mean").noconvert(), nb::arg("quantiles").noconvert(),
          nb::arg("threads") = 1, unlocked);
}

// forecaster._native.ces: complex exponential smoothing for all series of a table in one call (see ces.pyi; equations in ces.hpp).
#include "ces.hpp"

#include <cstring>

#include "arrays.hpp"
#include "ces_series.hpp"
#include "parallel.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

constexpr Index worth_a_thread = 500;
const Level picked = level();

Ces get(const Sheet<double>& models, Index s) {
    Ces model;
    std::memcpy(static_cast<void*>(&model), row_of(models, s), sizeof(Ces));
    return model;
}

void put(const Sheet<double>& models, Index s, const Ces& model) { std::memcpy(row_of(models, s), &model, sizeof(Ces)); }

void check(const Sheet<double>& models, const Sheet<double>& states, Index series, Index period) {
    expect(period > 0 && is_sheet(models, series, ces_width) && is_sheet(states, series, ces_room(period)),
           "period must be 1 or more, models (series, WIDTH), states (series, 2 * period + 2)");
}

void fit(const Row<const double>& values, const Row<const Index>& indptr, Index cycle, Index period, const Sheet<double>& models,
         const Sheet<double>& first_states, const Sheet<double>& states, Index threads) {
    const Index series = series_of(values, indptr);
    check(models, states, series, period);
    check(models, first_states, series, period);
    expect(cycle >= -1 && cycle < 4, "cycle must lie in -1..3");
    const auto search = by_width(picked, []<int W>() { return &best_weights<W>; });
    over_series(
        indptr.data(), series, threads,
        [&](Index first, Index last) {
            CesRoom room;
            for (Index s = first; s < last; ++s)
                put(models, s,
                    fit_ces(values.data() + indptr(s), indptr(s + 1) - indptr(s), cycle, period, search, room, row_of(first_states, s), row_of(states, s)));
        },
        worth_a_thread);
}

void follow(const Row<const double>& values, const Row<const Index>& indptr, Index period, const Sheet<double>& models,
            const Sheet<double>& states, const Row<double>& said, Index threads) {
    const Index series = series_of(values, indptr);
    check(models, states, series, period);
    const auto told = per_row(said, values);
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            Ces model = get(models, s);
            follow_ces(values.data() + indptr(s), indptr(s + 1) - indptr(s), period, model, row_of(states, s), told(indptr(s)));
            put(models, s, model);
        }
    });
}

void ahead(Index period, const Sheet<double>& models, const Sheet<double>& states, const Sheet<double>& mean, const Sheet<double>& spread,
           Index threads) {
    const Index series = static_cast<Index>(models.shape(0)), horizon = static_cast<Index>(mean.shape(1));
    check(models, states, series, period);
    expect(is_sheet(mean, series, horizon) && is_sheet(spread, series, horizon), "mean and spread must be (series, horizon)");
    over_rows(series, horizon, threads,
              [&](Index s) { ces_ahead(get(models, s), period, row_of(states, s), horizon, row_of(mean, s), row_of(spread, s)); });
}

}  // namespace

NB_MODULE(ces, m) {
    m.attr("SIMD") = picked.name;
    m.attr("WIDTH") = ces_width;
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.def("fit", &fit, nb::arg("values"), nb::arg("indptr"), nb::arg("cycle"), nb::arg("period"), nb::arg("models").noconvert(),
          nb::arg("first").noconvert(), nb::arg("states").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("follow", &follow, nb::arg("values"), nb::arg("indptr"), nb::arg("period"), nb::arg("models").noconvert(), nb::arg("states").noconvert(),
          nb::arg("said").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("ahead", &ahead, nb::arg("period"), nb::arg("models"), nb::arg("states"), nb::arg("mean").noconvert(), nb::arg("spread").noconvert(),
          nb::arg("threads") = 1, unlocked);
}

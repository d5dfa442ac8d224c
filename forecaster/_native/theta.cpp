// forecaster._native.theta: the Theta method for all series of a table in one call (see theta.pyi; the equations stand in theta.hpp).
#include "theta.hpp"

#include <cstring>

#include "arrays.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "theta_series.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

constexpr Index worth_a_thread = 500;
const Level picked = level();

Theta get(const Sheet<double>& models, Index s) {
    Theta model;
    std::memcpy(static_cast<void*>(&model), row_of(models, s), sizeof(Theta));
    return model;
}

void put(const Sheet<double>& models, Index s, const Theta& model) { std::memcpy(row_of(models, s), &model, sizeof(Theta)); }

void fit(const Row<const double>& values, const Row<const Index>& indptr, Index form, Index season, const Sheet<double>& models,
         const Sheet<double>& indices, Index threads) {
    const Index series = series_of(values, indptr), period = static_cast<Index>(indices.shape(1));
    expect(is_sheet(models, series, theta_width) && is_sheet(indices, series, period) && period > 0,
           "models must be (series, WIDTH), indices (series, steps of a season)");
    expect(form >= -1 && form < 4 && season >= 0 && season < 3, "form must lie in -1..3, season in 0..2");
    const Asked asked{form, period, static_cast<Season>(season)};
    const auto search_here = by_width(picked, []<int W>() { return &search<W>; });
    over_series(
        indptr.data(), series, threads,
        [&](Index first, Index last) {
            Room room;
            for (Index s = first; s < last; ++s)
                put(models, s, fit_theta(values.data() + indptr(s), indptr(s + 1) - indptr(s), asked, search_here, room, row_of(indices, s)));
        },
        worth_a_thread);
}

void follow(const Row<const double>& values, const Row<const Index>& indptr, const Sheet<double>& indices, const Sheet<double>& models,
            const Row<double>& said, Index threads) {
    const Index series = series_of(values, indptr), period = static_cast<Index>(indices.shape(1));
    expect(is_sheet(models, series, theta_width) && is_sheet(indices, series, period) && period > 0,
           "models must be (series, WIDTH), indices (series, steps of a season)");
    const auto told = per_row(said, values);
    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        for (Index s = first; s < last; ++s) {
            Theta model = get(models, s);
            follow_theta(values.data() + indptr(s), indptr(s + 1) - indptr(s), row_of(indices, s), period, model, told(indptr(s)));
            put(models, s, model);
        }
    });
}

void restart(const Sheet<double>& models, Index period) {
    const Index series = static_cast<Index>(models.shape(0));
    expect(is_sheet(models, series, theta_width) && period > 0, "models must be (series, WIDTH), a season 1 step or more");
    for (Index s = 0; s < series; ++s) {
        Theta model = get(models, s);
        model.restart(period);
        put(models, s, model);
    }
}

void ahead(const Sheet<double>& models, const Sheet<double>& indices, const Sheet<double>& mean, const Sheet<double>& spread, Index threads) {
    const Index series = static_cast<Index>(models.shape(0)), period = static_cast<Index>(indices.shape(1));
    const Index horizon = static_cast<Index>(mean.shape(1));
    expect(is_sheet(models, series, theta_width) && is_sheet(indices, series, period) && period > 0 && is_sheet(mean, series, horizon) &&
               is_sheet(spread, series, horizon),
           "models must be (series, WIDTH), indices (series, steps of a season), mean and spread (series, horizon)");
    over_rows(series, horizon, threads, [&](Index s) {
        theta_ahead(get(models, s), row_of(indices, s), period, horizon, row_of(mean, s), row_of(spread, s));
    });
}

}  // namespace

NB_MODULE(theta, m) {
    m.attr("SIMD") = picked.name;
    m.attr("WIDTH") = theta_width;
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.def("fit", &fit, nb::arg("values"), nb::arg("indptr"), nb::arg("form"), nb::arg("season"), nb::arg("models").noconvert(),
          nb::arg("indices").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("follow", &follow, nb::arg("values"), nb::arg("indptr"), nb::arg("indices"), nb::arg("models").noconvert(),
          nb::arg("said").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("restart", &restart, nb::arg("models").noconvert(), nb::arg("period"), unlocked);
    m.def("ahead", &ahead, nb::arg("models"), nb::arg("indices"), nb::arg("mean").noconvert(), nb::arg("spread").noconvert(),
          nb::arg("threads") = 1, unlocked);
}

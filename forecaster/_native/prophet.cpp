// forecaster._native.prophet: the posterior mode of Prophet's model for all series of a table, and its forecasts (see prophet.pyi).
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>

#include "arrays.hpp"
#include "prophet_ahead.hpp"
#include "prophet_observed.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

Growth growth_of(const std::string& name) {
    if (name == "linear") return Growth::linear;
    if (name == "logistic") return Growth::logistic;
    if (name == "flat") return Growth::flat;
    throw std::invalid_argument("no growth is called '" + name + "'");
}

// The columns of a design, kept on the Python side.
struct Design {
    Row<const double> day;
    Sheet<const double> shared, own;
    Sheet<const bool> wanted;
    Row<const double> precision;
    Row<const bool> multiplicative;

    Columns columns() const {
        const Index n = static_cast<Index>(shared.shape(1) + own.shape(1));
        expect(day.size() == shared.shape(0), "shared must have one row per step of the grid");
        expect(static_cast<Index>(wanted.shape(1)) == n && static_cast<Index>(precision.size()) == n && static_cast<Index>(multiplicative.size()) == n,
               "wanted, precision and multiplicative must have one entry per column");
        return {day.data(),    shared.data(),    own.data(),           static_cast<Index>(shared.shape(1)), static_cast<Index>(own.shape(1)),
                wanted.data(), precision.data(), multiplicative.data()};
    }
};

struct Theta {
    Sheet<double> theta;
    Row<double> sigma;

    Parameters parameters(Index series, Index columns, const Scales& scales) const {
        expect(static_cast<Index>(theta.shape(0)) == series && static_cast<Index>(theta.shape(1)) == trend_columns + columns + scales.n_changepoints,
               "theta must be (series, 2 + columns + changepoints)");
        expect(static_cast<Index>(sigma.size()) == series, "sigma must have one entry per series");
        return {theta.data(), sigma.data()};
    }
};

// What series are measured by, kept on the Python side.
struct GivenScales {
    Row<const double> begin, span, size, shift;
    Sheet<const double> changepoints;

    Scales scales(Index series) const {
        for (const auto entries : {begin.size(), span.size(), size.size(), shift.size(), changepoints.shape(0)})
            expect(static_cast<Index>(entries) == series, "begin, span, size, shift and changepoints must have one entry per series");
        return {begin.data(), span.data(), size.data(), shift.data(), changepoints.data(), static_cast<Index>(changepoints.shape(1))};
    }
};

// Rows of all series, kept on the Python side.
struct GivenRows {
    Row<const Index> indptr, first;
    std::optional<Row<const double>> floor, cap;

    Rows rows(const Row<const double>& day) const {
        const Index series = static_cast<Index>(first.size());
        expect(static_cast<Index>(indptr.size()) == series + 1 && indptr(0) == 0, "indptr must start at 0 and have one entry more than first");
        expect(std::is_sorted(indptr.data(), indptr.data() + indptr.size()), "indptr must not decrease");
        for (const auto* limit : {&floor, &cap}) expect(!*limit || static_cast<Index>((*limit)->size()) == indptr(series), "floor and cap must have one entry per row");
        for (Index s = 0; s < series; ++s)
            expect(first(s) >= 0 && first(s) + indptr(s + 1) - indptr(s) <= static_cast<Index>(day.size()), "every row must lie on the grid");
        return {series, indptr.data(), first.data(), floor ? floor->data() : nullptr, cap ? cap->data() : nullptr};
    }
};

void observe(const GivenRows& given, const Row<const double>& target, const Row<const double>& day, double share, const Row<bool>& there,
             const Row<Index>& counts, const Sheet<Index>& ends, const Sheet<double>& days, const Row<double>& closest, const Sheet<double>& extremes,
             const Sheet<double>& changepoints, Index threads) {
    ObserveJob job;
    job.rows = given.rows(day);
    const auto series = static_cast<std::size_t>(job.rows.series), rows = static_cast<std::size_t>(job.rows.indptr[series]);
    expect(target.size() == rows && there.size() == rows, "target and there must have one entry per row");
    for (const auto size : {counts.size(), ends.shape(0), days.shape(0), closest.size(), extremes.shape(0), changepoints.shape(0)})
        expect(size == series, "results must have one entry per series");
    expect(ends.shape(1) == 2 && days.shape(1) == 2 && extremes.shape(1) == 5, "ends and days must be (series, 2), extremes (series, 5)");
    job.target = target.data(), job.day = day.data(), job.share = share, job.there = there.data(), job.counts = counts.data(), job.ends = ends.data();
    job.days = days.data(), job.closest = closest.data(), job.extremes = extremes.data();
    job.changepoints = changepoints.data(), job.n_changepoints = static_cast<Index>(changepoints.shape(1));
    observe_all(job, threads);
}

void fit(const GivenRows& given, const Row<const double>& target, const Row<const bool>& there, const Row<const bool>& left, const Design& design,
         const GivenScales& units, const Theta& theta, const std::string& growth, double tau, bool hold_sigma, const Row<double>& criterion,
         const Row<double>& slack, const Row<Index>& passes, Index threads) {
    FitJob job;
    job.rows = given.rows(design.day);
    const auto series = static_cast<std::size_t>(job.rows.series), rows = static_cast<std::size_t>(job.rows.indptr[series]);
    expect(target.size() == rows && there.size() == rows && design.own.shape(0) == rows, "target, there and own must have one entry per row");
    expect(design.wanted.shape(0) == series && left.size() == series, "wanted and left must have one row per series");
    for (const auto size : {criterion.size(), slack.size(), passes.size()}) expect(size == series, "results must have one entry per series");
    job.target = target.data(), job.there = there.data(), job.left = left.data();
    job.columns = design.columns();
    job.scales = units.scales(job.rows.series);
    job.parameters = theta.parameters(job.rows.series, job.columns.n(), job.scales);
    job.settings.growth = growth_of(growth), job.settings.tau = tau, job.settings.hold_sigma = hold_sigma;
    expect(job.rows.cap || job.settings.growth != Growth::logistic, "logistic growth needs cap");
    job.criterion = criterion.data(), job.slack = slack.data(), job.passes = passes.data();
    const auto run = by_width(level(), []<int W>() { return &fit_all<W>; });
    run(job, threads);
}

void ahead(const GivenRows& given, const Design& design, const GivenScales& units, const Theta& theta, const std::string& growth, const Row<const double>& known,
           const Row<const double>& levels, Index samples, std::uint64_t seed, const Sheet<double>& mean, const Cube<double>& quantiles, Index threads) {
    AheadJob job;
    job.rows = given.rows(design.day), job.horizon = static_cast<Index>(mean.shape(1));
    expect(static_cast<Index>(mean.shape(0)) == job.rows.series && static_cast<Index>(known.size()) == job.rows.series, "mean and known must have one row per series");
    expect(quantiles.shape(0) == mean.shape(0) && quantiles.shape(1) == mean.shape(1) && quantiles.shape(2) == levels.size(),
           "quantiles must be (series, horizon, levels)");
    expect(design.own.shape(0) == mean.shape(0) * mean.shape(1), "own must have one row per series and step");
    for (Index s = 0; s < job.rows.series; ++s) expect(job.rows.size(s) == job.horizon, "every series must have one row per step");
    job.columns = design.columns();
    job.scales = units.scales(job.rows.series);
    job.parameters = theta.parameters(job.rows.series, job.columns.n(), job.scales);
    job.growth = growth_of(growth);
    expect(samples > 0 && (job.rows.cap || job.growth != Growth::logistic), "logistic growth needs cap and samples");
    job.known = known.data(), job.levels = levels.data(), job.n_levels = static_cast<Index>(levels.size());
    job.samples = samples, job.seed = seed, job.mean = mean.data(), job.quantiles = quantiles.data();
    look_ahead(job, threads);
}

}  // namespace

void forecaster::look_ahead(const AheadJob& job, Index threads) {
    constexpr Index worth = 2000;  // steps that pay for a thread
    over_series(job.rows.indptr, job.rows.series, threads, [&] {
        return [one = Ahead(job)](Index from, Index to) mutable {
            for (Index s = from; s < to; ++s) one.look(s);
        };
    }, worth);
}

NB_MODULE(prophet, m) {
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    nb::class_<Design>(m, "Design")
        .def(nb::init<Row<const double>, Sheet<const double>, Sheet<const double>, Sheet<const bool>, Row<const double>, Row<const bool>>(), nb::arg("day"),
             nb::arg("shared"), nb::arg("own"), nb::arg("wanted"), nb::arg("precision"), nb::arg("multiplicative"));
    nb::class_<GivenScales>(m, "Scales")
        .def(nb::init<Row<const double>, Row<const double>, Row<const double>, Row<const double>, Sheet<const double>>(), nb::arg("begin"),
             nb::arg("span"), nb::arg("size"), nb::arg("shift"), nb::arg("changepoints"));
    nb::class_<Theta>(m, "Theta")
        .def(nb::init<Sheet<double>, Row<double>>(), nb::arg("theta").noconvert(), nb::arg("sigma").noconvert());
    nb::class_<GivenRows>(m, "Rows")
        .def(nb::init<Row<const Index>, Row<const Index>, const std::optional<Row<const double>>&, const std::optional<Row<const double>>&>(), nb::arg("indptr"),
             nb::arg("first"), nb::arg("floor").none(), nb::arg("cap").none());
    m.def("observe", &observe, nb::arg("rows"), nb::arg("target"), nb::arg("day"), nb::arg("share"), nb::arg("there").noconvert(),
          nb::arg("counts").noconvert(), nb::arg("ends").noconvert(), nb::arg("days").noconvert(), nb::arg("closest").noconvert(), nb::arg("extremes").noconvert(),
          nb::arg("changepoints").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("fit", &fit, nb::arg("rows"), nb::arg("target"), nb::arg("there"), nb::arg("left"), nb::arg("design"), nb::arg("scales"), nb::arg("theta"),
          nb::arg("growth"), nb::arg("tau"), nb::arg("hold_sigma"), nb::arg("criterion").noconvert(), nb::arg("slack").noconvert(),
          nb::arg("passes").noconvert(), nb::arg("threads") = 1, unlocked);
    m.def("ahead", &ahead, nb::arg("rows"), nb::arg("design"), nb::arg("scales"), nb::arg("theta"), nb::arg("growth"), nb::arg("known"), nb::arg("levels"),
          nb::arg("samples"), nb::arg("seed"), nb::arg("mean").noconvert(), nb::arg("quantiles").noconvert(), nb::arg("threads") = 1, unlocked);
}

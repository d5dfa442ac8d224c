// forecaster._native.prophet: the posterior mode of Prophet's model for all series of a table, and its forecasts (see prophet.pyi).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>

#include "prophet_ahead.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;

template <class T>
using Line = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Block = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Cube = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

namespace {

void expect(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

Growth growth_of(const std::string& name) {
    if (name == "linear") return Growth::linear;
    if (name == "logistic") return Growth::logistic;
    if (name == "flat") return Growth::flat;
    throw std::invalid_argument("no growth is called '" + name + "'");
}

// The columns of a design, kept on the Python side.
struct Design {
    Line<const double> day;
    Block<const double> shared, own;
    Block<const bool> wanted;
    Line<const double> precision;
    Line<const bool> multiplicative;

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
    Block<double> theta;
    Line<double> sigma;
    Line<const double> begin, span;
    Block<const double> changepoints;

    Parameters parameters(Index series, Index columns) const {
        const Index points = static_cast<Index>(changepoints.shape(1));
        expect(static_cast<Index>(theta.shape(0)) == series && static_cast<Index>(theta.shape(1)) == trend_columns + columns + points,
               "theta must be (series, 2 + columns + changepoints)");
        for (Index size : {static_cast<Index>(sigma.size()), static_cast<Index>(begin.size()), static_cast<Index>(span.size()), static_cast<Index>(changepoints.shape(0))})
            expect(size == series, "sigma, begin, span and changepoints must have one entry per series");
        return {theta.data(), sigma.data(), begin.data(), span.data(), changepoints.data(), points};
    }
};

void expect_grid(const Line<const Index>& first, Index s, Index steps, const Design& design) {
    expect(first(s) >= 0 && first(s) + steps <= static_cast<Index>(design.day.size()), "every row must lie on the grid");
}

void fit(const Line<const double>& y, const std::optional<Line<const double>>& cap, const Line<const Index>& indptr, const Line<const Index>& first,
         const Design& design, const Theta& theta, const std::string& growth, double tau, bool hold_sigma, const Line<double>& criterion,
         const Line<double>& slack, const Line<Index>& passes, Index threads) {
    FitJob job;
    job.series = static_cast<Index>(first.size());
    expect(static_cast<Index>(indptr.size()) == job.series + 1 && indptr(0) == 0 && indptr(job.series) == static_cast<Index>(y.size()),
           "indptr must start at 0 and end at the number of values");
    expect(std::is_sorted(indptr.data(), indptr.data() + indptr.size()), "indptr must not decrease");
    expect(design.own.shape(0) == y.size() && (!cap || cap->size() == y.size()), "own and cap must have one row per value");
    expect(design.wanted.shape(0) == first.size(), "wanted must have one row per series");
    for (const auto size : {criterion.size(), slack.size(), passes.size()}) expect(size == first.size(), "results must have one entry per series");
    for (Index s = 0; s < job.series; ++s) expect_grid(first, s, indptr(s + 1) - indptr(s), design);
    job.y = y.data(), job.cap = cap ? cap->data() : nullptr, job.indptr = indptr.data(), job.first = first.data();
    job.columns = design.columns();
    job.parameters = theta.parameters(job.series, job.columns.n());
    job.settings.growth = growth_of(growth), job.settings.tau = tau, job.settings.hold_sigma = hold_sigma;
    expect(job.cap || job.settings.growth != Growth::logistic, "logistic growth needs cap");
    job.criterion = criterion.data(), job.slack = slack.data(), job.passes = passes.data();
    const auto run = by_width(level(), []<int W>() { return &fit_all<W>; });
    run(job, threads);
}

void ahead(const std::optional<Block<const double>>& cap, const Line<const Index>& first, const Design& design, const Theta& theta,
           const std::string& growth, const Line<const double>& known, const Line<const double>& levels, Index samples, std::uint64_t seed,
           const Block<double>& mean, const Cube<double>& quantiles, Index threads) {
    AheadJob job;
    job.series = static_cast<Index>(first.size()), job.horizon = static_cast<Index>(mean.shape(1));
    expect(static_cast<Index>(mean.shape(0)) == job.series && known.size() == first.size(), "mean and known must have one row per series");
    expect(quantiles.shape(0) == mean.shape(0) && quantiles.shape(1) == mean.shape(1) && quantiles.shape(2) == levels.size(),
           "quantiles must be (series, horizon, levels)");
    expect(design.own.shape(0) == mean.shape(0) * mean.shape(1), "own must have one row per series and step");
    expect(!cap || cap->shape(1) == mean.shape(1), "cap must have one column per step");
    for (Index s = 0; s < job.series; ++s) expect_grid(first, s, job.horizon, design);
    job.cap = cap ? cap->data() : nullptr, job.first = first.data();
    job.columns = design.columns();
    job.parameters = theta.parameters(job.series, job.columns.n());
    job.growth = growth_of(growth);
    expect(samples > 0 && (job.cap || job.growth != Growth::logistic), "logistic growth needs cap and samples");
    job.known = known.data(), job.levels = levels.data(), job.n_levels = static_cast<Index>(levels.size());
    job.samples = samples, job.seed = seed, job.mean = mean.data(), job.quantiles = quantiles.data();
    look_ahead(job, threads);
}

}  // namespace

void forecaster::look_ahead(const AheadJob& job, Index threads) {
    constexpr Index worth = 2000;  // steps that pay for a thread
    std::vector<Index> work(job.series + 1);
    for (Index s = 0; s <= job.series; ++s) work[s] = s * job.horizon;
    over_series(work.data(), job.series, threads, [&](Index from, Index to) {
        Ahead one(job);
        for (Index s = from; s < to; ++s) one.look(s);
    }, worth);
}

NB_MODULE(prophet, m) {
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    nb::class_<Design>(m, "Design")
        .def(nb::init<Line<const double>, Block<const double>, Block<const double>, Block<const bool>, Line<const double>, Line<const bool>>(), nb::arg("day"),
             nb::arg("shared"), nb::arg("own"), nb::arg("wanted"), nb::arg("precision"), nb::arg("multiplicative"));
    nb::class_<Theta>(m, "Theta")
        .def(nb::init<Block<double>, Line<double>, Line<const double>, Line<const double>, Block<const double>>(), nb::arg("theta").noconvert(),
             nb::arg("sigma").noconvert(), nb::arg("begin"), nb::arg("span"), nb::arg("changepoints"));
    m.def("fit", &fit, nb::arg("y"), nb::arg("cap").none(), nb::arg("indptr"), nb::arg("first"), nb::arg("design"), nb::arg("theta"), nb::arg("growth"),
          nb::arg("tau"), nb::arg("hold_sigma"), nb::arg("criterion").noconvert(), nb::arg("slack").noconvert(), nb::arg("passes").noconvert(),
          nb::arg("threads") = 1, unlocked);
    m.def("ahead", &ahead, nb::arg("cap").none(), nb::arg("first"), nb::arg("design"), nb::arg("theta"), nb::arg("growth"), nb::arg("known"), nb::arg("levels"),
          nb::arg("samples"), nb::arg("seed"), nb::arg("mean").noconvert(), nb::arg("quantiles").noconvert(), nb::arg("threads") = 1, unlocked);
}

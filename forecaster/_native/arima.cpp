// forecaster._native.arima: ARIMA models of all series of a table in one call (see arima.pyi).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "arima.hpp"
#include "arima_ahead.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;
using namespace forecaster::arima;

namespace {

template <class T>
using Line = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Sheet = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr Index rows_worth_a_thread = 200;
constexpr Index series_worth_a_thread = 500;  // to forecast

void expect(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

Data data_of(const Line<const double>& y, const Line<const Index>& indptr, const Sheet<const double>& x) {
    expect(indptr.size() > 0 && indptr(0) == 0 && indptr(indptr.size() - 1) == static_cast<Index>(y.size()),
           "indptr must start at 0 and end at the number of values");
    expect(std::is_sorted(indptr.data(), indptr.data() + indptr.size()), "indptr must not decrease");
    expect(x.shape(1) == 0 || x.shape(0) == y.size(), "covariates must have one row per value");
    return {y.data(), x.data(), indptr.data(), static_cast<int>(x.shape(1))};
}

Columns columns_of(const Sheet<std::int32_t>& orders, const Sheet<double>& coefficients, const Sheet<double>& numbers, const Sheet<double>& betas,
                   Index series, std::size_t covariates, int kept = 1) {
    const std::size_t rows = static_cast<std::size_t>(series) * kept;
    expect(orders.shape(0) == rows && orders.shape(1) == 7, "orders must be (series, 7)");
    expect(coefficients.shape(0) == rows, "coefficients must be (series, width)");
    expect(numbers.shape(0) == rows && numbers.shape(1) == numbers_per_series, "numbers must be (series, NUMBERS)");
    expect(betas.shape(0) == rows && betas.shape(1) == covariates, "betas must be (series, covariates)");
    return {orders.data(), coefficients.data(), numbers.data(), betas.data(), static_cast<Index>(coefficients.shape(1)), series};
}

// Every state fits its row, and no order leads outside the coefficients.
void expect_room(const Sheet<std::int32_t>& orders, int m, Index width, Index state_width, Index tail_width) {
    for (std::size_t s = 0; s < orders.shape(0); ++s) {
        const std::int32_t* o = orders.data() + s * 7;
        expect(*std::min_element(o, o + 7) >= 0 && o[0] + o[2] + o[3] + o[5] <= std::min<Index>(most_parameters, width), "orders must be 0 or more and fit the coefficients");
        expect(std::max(o[0] + m * o[3], o[2] + m * o[5] + 1) <= state_width && o[1] + m * o[4] <= tail_width, "state or tail has too few columns for the orders");
    }
}

// Models of one row per series each, below one another.
struct Together {
    const Sheet<std::int32_t>& orders;
    const Sheet<double>&coefficients, &numbers, &state, &tail;
    const Sheet<const double>& shares;
    const Sheet<const double>* effects = nullptr;  // none where nothing is forecast

    Columns columns() const { return {orders.data(), coefficients.data(), numbers.data(), nullptr, static_cast<Index>(coefficients.shape(1)), static_cast<Index>(shares.shape(1))}; }
    Filtered filtered() const { return {state.data(), tail.data(), nullptr, static_cast<Index>(state.shape(1)), static_cast<Index>(tail.shape(1))}; }
    Ahead ahead(double* mean, double* variance) const {
        const Index models = static_cast<Index>(shares.shape(0));
        return {shares.data(), effects ? effects->data() : nullptr, mean, variance, models, effects ? static_cast<Index>(effects->shape(1)) : 0};
    }

    void check(int m) const {
        const std::size_t rows = shares.shape(0) * shares.shape(1);
        expect(orders.shape(0) == rows && orders.shape(1) == 7, "orders must be (models * series, 7)");
        expect(numbers.shape(0) == rows && numbers.shape(1) == numbers_per_series, "numbers must be (models * series, NUMBERS)");
        expect(coefficients.shape(0) == rows && state.shape(0) == rows && tail.shape(0) == rows && (!effects || effects->shape(0) == rows), "every model must have one row per series");
        expect_room(orders, m, static_cast<Index>(coefficients.shape(1)), static_cast<Index>(state.shape(1)), static_cast<Index>(tail.shape(1)));
    }
};

}  // namespace

NB_MODULE(arima, module) {
    const Level picked = level();
    const auto fitting = by_width(picked, []<int W>() { return &fit<W>; });
    const auto filtering = by_width(picked, []<int W>() { return &filter<W>; });
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    module.attr("SIMD") = picked.name;
    module.attr("PARAMETERS") = most_parameters;
    module.attr("NUMBERS") = numbers_per_series;

    module.def(
        "fit",
        [fitting](const Line<const double>& y, const Line<const Index>& indptr, const Sheet<const double>& x, int m, bool fixed,
                  const Line<const std::int32_t>& most, int d, int D, int constant, int models, int boundary, int kept,
                  const Sheet<std::int32_t>& orders, const Sheet<double>& coefficients, const Sheet<double>& numbers, const Sheet<double>& betas,
                  Index threads) {
            const Data data = data_of(y, indptr, x);
            const Index series = static_cast<Index>(indptr.size()) - 1;
            expect(kept >= 1, "kept must be 1 or more");
            const Columns out = columns_of(orders, coefficients, numbers, betas, series, x.shape(1), kept);
            expect(most.size() == 6 && *std::min_element(most.data(), most.data() + 6) >= 0, "most must be six orders of 0 or more: p d q P D Q");
            expect(m >= 1 && boundary >= 0 && boundary <= 2, "m must be 1 or more, boundary 0, 1 or 2");
            const Orders limit{most(0), most(1), most(2), most(3), most(4), most(5), 0};
            expect(limit.parameters() <= std::min<Index>(most_parameters, out.width), "more parameters than columns of coefficients, or than PARAMETERS");
            const Rules rules{m, fixed, limit, d, D, constant, models, static_cast<Boundary>(boundary), kept};
            over_series(indptr.data(), series, threads, [&](Index first, Index last) { fitting(data, rules, out, first, last); }, rows_worth_a_thread);
        },
        nb::arg("y"), nb::arg("indptr"), nb::arg("x"), nb::arg("m"), nb::arg("fixed"), nb::arg("most"), nb::arg("d"), nb::arg("D"), nb::arg("constant"),
        nb::arg("models"), nb::arg("boundary"), nb::arg("kept"), nb::arg("orders").noconvert(), nb::arg("coefficients").noconvert(),
        nb::arg("numbers").noconvert(), nb::arg("betas").noconvert(), nb::arg("threads") = 1, unlocked);

    module.def(
        "filter",
        [filtering](const Line<const double>& y, const Line<const Index>& indptr, const Sheet<const double>& x, int m, const Sheet<std::int32_t>& orders,
                    const Sheet<double>& coefficients, const Sheet<double>& numbers, const Sheet<double>& betas, const Sheet<double>& state,
                    const Sheet<double>& tail, const Line<double>& innovations, Index threads) {
            const Data data = data_of(y, indptr, x);
            const Index series = static_cast<Index>(indptr.size()) - 1;
            const Columns model = columns_of(orders, coefficients, numbers, betas, series, x.shape(1));
            expect(state.shape(0) == indptr.size() - 1 && tail.shape(0) == indptr.size() - 1, "state and tail must have one row per series");
            expect(innovations.size() == 0 || innovations.size() == y.size(), "innovations must be empty or have one number per value");
            const Filtered out{state.data(), tail.data(), innovations.size() ? innovations.data() : nullptr, static_cast<Index>(state.shape(1)),
                               static_cast<Index>(tail.shape(1))};
            expect_room(orders, m, model.width, out.state_width, out.tail_width);
            over_series(indptr.data(), series, threads, [&](Index first, Index last) { filtering(data, m, model, out, first, last); }, 50 * rows_worth_a_thread);
        },
        nb::arg("y"), nb::arg("indptr"), nb::arg("x"), nb::arg("m"), nb::arg("orders").noconvert(), nb::arg("coefficients").noconvert(),
        nb::arg("numbers").noconvert(), nb::arg("betas").noconvert(), nb::arg("state").noconvert(), nb::arg("tail").noconvert(),
        nb::arg("innovations").noconvert(), nb::arg("threads") = 1, unlocked);

    module.def(
        "project",
        [](int m, const Sheet<std::int32_t>& orders, const Sheet<double>& coefficients, const Sheet<double>& numbers, const Sheet<double>& state,
           const Sheet<double>& tail, const Sheet<const double>& shares, const Sheet<const double>& effects, const Sheet<double>& mean,
           const Sheet<double>& variance, Index threads) {
            const Together models{orders, coefficients, numbers, state, tail, shares, &effects};
            models.check(m);
            for (const auto* sheet : {&mean, &variance})
                expect(sheet->shape(0) == shares.shape(1) && sheet->shape(1) == effects.shape(1), "mean and variance must be (series, horizon)");
            const Index series = static_cast<Index>(shares.shape(1));
            std::vector<Index> rows(series + 1);
            std::iota(rows.begin(), rows.end(), Index{0});
            auto project = [&](Index first, Index last) {
                Projector projector(m, models.columns(), models.filtered(), models.ahead(mean.data(), variance.data()));
                for (Index s = first; s < last; ++s) projector.project(s);
            };
            over_series(rows.data(), series, threads, project, series_worth_a_thread);
        },
        nb::arg("m"), nb::arg("orders").noconvert(), nb::arg("coefficients").noconvert(), nb::arg("numbers").noconvert(), nb::arg("state").noconvert(),
        nb::arg("tail").noconvert(), nb::arg("shares"), nb::arg("effects"), nb::arg("mean").noconvert(), nb::arg("variance").noconvert(),
        nb::arg("threads") = 1, unlocked);

    module.def(
        "explode",
        [](int m, const Sheet<std::int32_t>& orders, const Sheet<double>& coefficients, const Sheet<double>& numbers, const Sheet<double>& state,
           const Sheet<double>& tail, const Sheet<const double>& shares, const Line<bool>& told) {
            const Together models{orders, coefficients, numbers, state, tail, shares};
            models.check(m);
            expect(told.size() == shares.shape(1), "there must be room for every series");
            Projector projector(m, models.columns(), models.filtered(), models.ahead(nullptr, nullptr));
            for (std::size_t s = 0; s < told.size(); ++s) told(s) = projector.explodes(static_cast<Index>(s));
        },
        nb::arg("m"), nb::arg("orders").noconvert(), nb::arg("coefficients").noconvert(), nb::arg("numbers").noconvert(), nb::arg("state").noconvert(),
        nb::arg("tail").noconvert(), nb::arg("shares"), nb::arg("told").noconvert(), unlocked);
}

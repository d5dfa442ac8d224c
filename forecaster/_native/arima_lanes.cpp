// Fitting and filtering of ARIMA models, compiled once per level of processor (see arima.hpp).
#include "arima_search.hpp"

namespace forecaster::arima {

namespace {

constexpr double strong_season = 0.64;  // where forecast::nsdiffs differences
constexpr Index fewest = 4;             // observed values that are worth more than their mean

bool level(const Values& w, double size) {
    const auto [least, most] = std::minmax_element(w.begin(), w.end());
    return w.empty() || *most - *least <= 1e-13 * size;
}

// How often to difference: as told, or by tests on the bridged series.
Orders differences(const Series& series, const Rules& rules, StlRoom& room) {
    Orders out;
    Values w = series.y;
    const Index n = static_cast<Index>(w.size());
    const int m = rules.m;
    const bool seasons = m > 1 && n > 2 * m;
    out.D = rules.D >= 0 ? rules.D : rules.most.D > 0 && seasons && !level(w, 1.0) && seasonal_strength(w, m, room) > strong_season;
    difference(w, 0, out.D, m);
    if (rules.D < 0 && out.D && level(w, 1.0) && !level(series.y, 1.0)) return out;
    out.d = std::max(rules.d, 0);
    difference(w, out.d, 0, m);
    if (rules.d >= 0) return out;
    // A second difference extrapolates growth, so it takes stronger evidence than the first: better forecasts on four sets of M3 and M4.
    for (; out.d < rules.most.d && static_cast<Index>(w.size()) >= fewest && !level(w, 1.0) && wanders(w, out.d ? kpss_1 : kpss_5); ++out.d)
        difference_at(w, 1);
    return out;
}

template <int W>
struct Fitter {
    const Data& data;
    const Rules& rules;
    const Columns& out;
    Series series{};
    StlRoom room{};
    Search<W> search{};
    Likelihood<W> likelihood{};

    void fit(Index s) {
        series.take(data, s);
        for (int rank = 0; rank < rules.kept; ++rank) write(rank * out.series + s, Candidate{}, Status::nothing);
        if (series.observed() == 0) return;
        Orders steps = plain() ? Orders{} : differences(series, rules, room);
        Values w = series.y;
        difference(w, steps.d, steps.D, rules.m);
        if (static_cast<Index>(w.size()) - static_cast<Index>(series.gaps.size()) < fewest) steps = Orders{}, w = series.y;
        if (plain()) return flat(s, steps, w, Status::short_series);
        if (level(w, 1.0)) return flat(s, steps, w, Status::constant);
        const std::vector<Candidate>& found = search.run(series, rules, steps);
        for (std::size_t rank = 0; rank < found.size(); ++rank) {
            const Index row = static_cast<Index>(rank) * out.series + s;
            write(row, found[rank], Status::fitted);
            describe(row, found[rank]);
        }
    }

    bool plain() const { return series.observed() < fewest; }

    // A level, a straight line or a repeated season without error.
    void flat(Index s, Orders steps, const Values& w, Status status) {
        steps.constant = steps.d + steps.D < 2;
        write(s, Candidate{.orders = steps}, status);
        double* numbers = out.numbers + s * numbers_per_series;
        numbers[0] = steps.constant ? mean_of(w) * series.scale : 0.0;
        numbers[1] = status == Status::short_series ? spread_of(w) / static_cast<double>(std::max<std::size_t>(w.size() - 1, 1)) * series.scale * series.scale : 0.0;
        numbers[4] = static_cast<double>(series.observed());
        numbers[5] = 0;
    }

    void write(Index s, const Candidate& found, Status status) {
        const Orders& o = found.orders;
        const std::int32_t orders[] = {o.p, o.d, o.q, o.P, o.D, o.Q, o.constant};
        std::copy_n(orders, 7, out.orders + s * 7);
        std::fill_n(out.coefficients + s * out.width, out.width, 0.0);
        std::fill_n(out.betas + s * data.covariates, data.covariates, 0.0);
        double* numbers = out.numbers + s * numbers_per_series;
        std::fill_n(numbers, numbers_per_series, std::numeric_limits<double>::quiet_NaN());
        numbers[6] = static_cast<double>(status);
        numbers[7] = static_cast<double>(series.after);
    }

    void describe(Index s, const Candidate& found) {
        const Orders& o = found.orders;
        const Prepared& prepared = search.prepared(o.constant);
        likelihood.take(prepared.regression, o, rules.m, exact);
        Lanes<W> x[most_parameters], coefficients[most_parameters];
        for (int i = 0; i < o.parameters(); ++i) x[i] = found.x[i];
        likelihood.coefficients(x, coefficients);
        const double least = likelihood.run(coefficients)[0];
        for (int i = 0; i < o.parameters(); ++i) out.coefficients[s * out.width + i] = coefficients[i][0];
        const int covariates = static_cast<int>(series.columns.size());
        for (int c = 0; c < covariates; ++c) out.betas[s * data.covariates + series.columns[c]] = likelihood.beta(1 + o.constant + c) * prepared.spread * series.scale;
        double* numbers = out.numbers + s * numbers_per_series;
        const double used = static_cast<double>(likelihood.used()), k = o.parameters() + o.constant + covariates;
        const double unit = prepared.spread * series.scale;
        const double deviance = least + 2 * used * std::log(unit) + used * (std::log(2 * std::numbers::pi) + 1);
        numbers[0] = o.constant ? (prepared.centre + likelihood.beta(1) * prepared.spread) * series.scale : 0.0;
        // Divided by the degrees of freedom, as R's auto.arima reports it.
        numbers[1] = likelihood.squares() / std::max(used - k, 1.0) * unit * unit;
        numbers[2] = -deviance / 2;
        numbers[3] = used - k - 2 > 0 ? deviance + 2 * (k + 1) + 2 * (k + 1) * (k + 2) / (used - k - 2) : infinite;
        numbers[4] = used;
        numbers[5] = search.models();
    }
};

// Runs a fitted model over a series; only missing values are estimated anew.
template <int W>
struct Filterer {
    const Data& data;
    int m;
    const Columns& model;
    const Filtered& out;
    Series series{};
    Prepared prepared{};
    Likelihood<W> likelihood{};
    Values state{};

    void filter(Index s) {
        series.take(data, s);
        std::fill_n(out.state + s * out.state_width, out.state_width, 0.0);
        std::fill_n(out.tail + s * out.tail_width, out.tail_width, 0.0);
        const std::int32_t* o = model.orders + s * 7;
        Orders orders{o[0], o[1], o[2], o[3], o[4], o[5], 0};
        const double* numbers = model.numbers + s * numbers_per_series;
        model.numbers[s * numbers_per_series + 7] = static_cast<double>(series.after);
        model.numbers[s * numbers_per_series + 8] = static_cast<double>(series.y.size());
        if (series.y.empty() || static_cast<Status>(numbers[6]) == Status::nothing) return;
        explain(s);
        const Index lost = orders.d + static_cast<Index>(orders.D) * m;
        if (static_cast<Index>(series.y.size()) > lost) run(s, orders, numbers[0] / series.scale, lost);
        keep_tail(s, lost);
    }

    // Takes the covariates' part out of the series.
    void explain(Index s) {
        for (std::size_t k = 0; k < series.x.size(); ++k)
            for (Index t = 0; t < static_cast<Index>(series.y.size()); ++t)
                series.y[t] -= model.betas[s * data.covariates + series.columns[k]] / series.scale * series.x[k][t];
        series.x.clear();
    }

    void run(Index s, const Orders& orders, double constant, Index lost) {
        prepared.build(series, orders, m, out.innovations != nullptr);
        Regression& r = prepared.regression;
        for (Index t = 0; t < r.n; ++t) r.values[t] -= constant / prepared.spread;
        likelihood.take(r, orders, m, exact);
        Lanes<W> coefficients[most_parameters];
        for (int i = 0; i < orders.parameters(); ++i) coefficients[i] = model.coefficients[s * model.width + i];
        likelihood.run(coefficients);
        state.resize(likelihood.states());
        likelihood.final_state(state.data());
        const double unit = prepared.spread * series.scale;
        for (int i = 0; i < likelihood.states(); ++i) out.state[s * out.state_width + i] = state[i] * unit;
        if (out.innovations)
            for (Index t = 0; t < r.n; ++t) out.innovations[data.indptr[s] + series.begin + lost + t] = likelihood.innovation(t) * unit;
        prepared.complete(series, likelihood);
    }

    void keep_tail(Index s, Index lost) {
        const Index n = static_cast<Index>(series.y.size());
        for (Index i = 0; i < lost; ++i) out.tail[s * out.tail_width + i] = series.y[std::max<Index>(n - 1 - i, 0)] * series.scale;
    }
};

}  // namespace

template <int W>
void fit(const Data& data, const Rules& rules, const Columns& out, Index first, Index last) {
    Fitter<W> fitter{data, rules, out};
    for (Index s = first; s < last; ++s) fitter.fit(s);
}

template <int W>
void filter(const Data& data, int m, const Columns& model, const Filtered& out, Index first, Index last) {
    Filterer<W> filterer{data, m, model, out};
    for (Index s = first; s < last; ++s) filterer.filter(s);
}

template void fit<FORECASTER_LANES>(const Data&, const Rules&, const Columns&, Index, Index);
template void filter<FORECASTER_LANES>(const Data&, int, const Columns&, const Filtered&, Index, Index);

}  // namespace forecaster::arima

// The filter of arima_filter.hpp for few lags without a season, all of it in registers: the states of a process of up to six.
#pragma once

#include <algorithm>

#include "arima_innovations.hpp"
#include "arima_process.hpp"

namespace forecaster::arima {

template <int W>
class ShortFilter {
    using V = Lanes<W>;

  public:
    static constexpr int most_states = 6;

    static bool takes(const Process<W>& process, const Regression& data) {
        return process.states <= most_states && process.ar() < most_states && data.columns <= 2 && data.holes == 0;
    }

    ShortFilter(const Process<W>& process, Innovations<W>& out, double still) : process_(process), out_(out), data_(*out.data), still_(still) {}

    void run() {
        out_.summed = true;
        for (V& product : out_.products) product = 0.0;
        if (data_.columns == 1)
            dispatch<1, most_states>();
        else
            dispatch<2, most_states>();
    }

  private:
    const Process<W>& process_;
    Innovations<W>& out_;
    const Regression& data_;
    const double still_;

    template <int Columns, int States>
    void dispatch() {
        if constexpr (States > 1)
            if (process_.states < States) return dispatch<Columns, States - 1>();
        filter<Columns, States>();
        go_on<Columns, most_states - 1, most_states - 1>();
    }

    template <int Columns, int States>
    void filter() {
        V state[States + 1][Columns], gain[States], lead[States + 1], phi[States];
        for (auto& row : state)
            for (V& a : row) a = 0.0;
        for (int i = 0; i < States; ++i) gain[i] = lead[i] = process_.first[i], phi[i] = process_.carry(i);
        lead[States] = 0.0;
        V variance = process_.variance, products[3] = {0.0, 0.0, 0.0};
        Settling<W> settling(out_, still_);
        Index t = 0;
        for (; settling.goes_on(t, States); ++t) {
            out_.variances[t] = variance[0];
            settling.begin(variance);
            const V inverse = V(1.0) / variance, weight = sqrt(inverse);
            V before[Columns], pull[Columns], e[Columns];
            for (int c = 0; c < Columns; ++c) {
                before[c] = state[0][c];
                const V v = V(data_.values[c * data_.n + t]) - before[c];
                out_.errors[t * Columns + c] = e[c] = v * weight;
                pull[c] = v * inverse;
            }
            for (int b = 0, i = 0; b < Columns; ++b)
                for (int c = 0; c <= b; ++c, ++i) products[i] += e[b] * e[c];
            const V top = lead[0], rho = top * inverse, fell = rho * top;
            for (int i = 0; i < States; ++i) {
                const V next = lead[i + 1] + phi[i] * top, k = gain[i];
                for (int c = 0; c < Columns; ++c) state[i][c] = state[i + 1][c] + phi[i] * before[c] + k * pull[c];
                gain[i] = k - rho * next;
                lead[i] = next - rho * k;
            }
            variance -= fell;
            settling.end(t, fell);
        }
        out_.logs = settling.sum();
        out_.steady = t;
        for (int i = 0; i < 3; ++i) out_.products[i] = products[i];
        for (int i = 0; i < States; ++i) std::copy_n(state[i], Columns, &out_.state[i * Columns]);
    }

    // Steady state: the errors follow from the difference equation itself.
    template <int Columns, int Ar, int Ma>
    void go_on() {
        if constexpr (Ar > 0)
            if (process_.ar() < Ar) return go_on<Columns, Ar - 1, Ma>();
        if constexpr (Ma > 0)
            if (process_.ma() < Ma) return go_on<Columns, Ar, Ma - 1>();
        if (out_.steady < data_.n) recur<Columns, Ar, Ma>();
    }

    // The error of the row before comes last, because each waits for it. Those of the constant come to rest themselves.
    template <int Columns, int Ar, int Ma>
    void recur() {
        V phi[Ar + 1], theta[Ma + 1], last[Columns][Ma + 1], products[3], rest = 1.0, most = 0.0;
        std::copy_n(out_.products, 3, products);
        for (int i = 1; i <= Ar; ++i) phi[i] = process_.phi[i], rest -= phi[i];
        for (int i = 1; i <= Ma; ++i) {
            theta[i] = process_.theta[i];
            for (int c = 0; c < Columns; ++c) last[c][i] = out_.errors[(out_.steady - i) * Columns + c];
        }
        for (auto& of : last) of[0] = 0.0;
        Index still_from = out_.points == Points::beside ? out_.still_from : data_.n;
        for (Index t = out_.steady; t < data_.n; ++t) {
            V* e = &out_.errors[t * Columns];
            e[0] = last[0][0] = follow(after<Ar>(phi, 0, t), theta, last[0]);
            products[0] += e[0] * e[0];
            if constexpr (Columns == 2) {
                if (t < still_from) last[1][0] = follow(data_.constant ? rest : after<Ar>(phi, 1, t), theta, last[1]);
                e[1] = last[1][0];
                products[1] += e[0] * e[1], products[2] += e[1] * e[1];
                if (data_.constant && t < still_from && out_.points != Points::beside) {
                    if constexpr (Ma > 0) most = max(most, abs(last[1][0] - last[1][1]));
                    if (t % 16 == 15) {
                        if (decisive(most, out_.points) < exact) still_from = t + 1;
                        most = 0.0;
                    }
                }
            }
            for (auto& of : last)
                for (int i = Ma; i > 0; --i) of[i] = of[i - 1];
        }
        out_.still_from = still_from;
        std::copy_n(products, 3, out_.products);
    }

    // What the values before row t leave of that of a column.
    template <int Ar>
    V after(const V (&phi)[Ar + 1], int column, Index t) const {
        const double* value = &data_.values[column * data_.n + t];
        V left = value[0];
        for (int i = 1; i <= Ar; ++i) left -= phi[i] * V(value[-i]);
        return left;
    }

    template <int Size>
    static V follow(V left, const V (&theta)[Size], const V (&last)[Size]) {
        for (int i = Size - 1; i > 0; --i) left -= theta[i] * last[i];
        return left;
    }
};

}  // namespace forecaster::arima

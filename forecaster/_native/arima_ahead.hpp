// What the models of a series say together of the steps ahead: the weighted mean of what each expects one step ahead, which every
// model then takes as if it had been observed. So forecasts are what follows once those before them are history.
//
//     f_t = sum_i share_i (x_t'beta_i + z_{i,t}),                 z_{i,t} = c_i + a_{i,t}[0] less the past values that differencing takes
//     a_{i,t+1} = T_i a_{i,t} + K_{i,t} v_{i,t},                  v_{i,t} = f_t - x_t'beta_i - z_{i,t}
//     Var(h) = sigma2 sum_{j < h} psi_j^2 + sum_i share_i (what model i says of step h alone - f_{n+h})^2
//
// K is the gain of the filter of arima_filter.hpp as it stands after the history; psi is what the same recursion, with its gains at
// rest, makes of one error of 1. Of a model alone v is 0 and psi(B) = theta(B) Theta(B^m) / Phi(B) (Box and Jenkins 1970).
#pragma once

#include <algorithm>
#include <iterator>
#include <limits>
#include <vector>

#include "arima_series.hpp"

namespace forecaster::arima {

// 1 - sum of coefficients: the product of polynomials with given signs, from lag 0.
inline Values product(const Values& a, const Values& b) {
    Values out(a.size() + b.size() - 1, 0.0);
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != 0)
            for (std::size_t j = 0; j < b.size(); ++j) out[i + j] += a[i] * b[j];
    return out;
}

inline Values polynomial(const double* coefficients, int size, int lag, double sign) {
    Values out(size * lag + 1, 0.0);
    out[0] = 1;
    for (int i = 1; i <= size; ++i) out[i * lag] = sign * coefficients[i - 1];
    return out;
}

// What the state of a filter takes over from an error, as values go through it: of its recursions (see arima_filter.hpp) those that do
// not depend on the values.
class Gain {
  public:
    // As it is after that many values.
    void take(const Orders& orders, int m, const double* coefficients, Index rows) {
        Lanes<2> lanes[most_parameters];
        std::copy_n(coefficients, orders.parameters(), lanes);
        process_.take(orders, m, rows);
        process_.set(lanes);
        for (Values* v : {&carry_, &gain_, &lead_}) v->assign(process_.states + 1, 0.0);
        for (int i = 0; i < process_.states; ++i) carry_[i] = process_.carry(i)[0], gain_[i] = lead_[i] = process_.first[i][0];
        variance_ = process_.variance[0], quiet_ = 0;
        for (Index t = 0; t < rows && !resting(); ++t) step();
    }

    // One value later.
    void step() {
        if (resting()) return;
        const double top = lead_[0], rho = top / variance_;
        for (std::size_t i = 0; i + 1 < gain_.size(); ++i) {
            const double next = lead_[i + 1] + carry_[i] * top, now = gain_[i];
            gain_[i] = now - rho * next;
            lead_[i] = next - rho * now;
        }
        variance_ -= rho * top;
        quiet_ = rho * top < exact ? quiet_ + 1 : 0;
    }

    bool resting() const { return quiet_ >= gain_.size(); }
    double of(std::size_t state) const { return gain_[state] / variance_; }

  private:
    Process<2> process_;
    Values carry_, gain_, lead_;
    double variance_ = 1;
    std::size_t quiet_ = 0;
};

// A model on its way ahead, a value a step.
struct Path {
    Values ar, steps;    // polynomials from lag 0, of the process and of the differences
    Values rest;         // what each state takes over from an error in the long run
    Values state, past;  // what the stationary part is expected to be; values less what covariates add, newest last
    double constant = 0;

    double expected() const {
        double y = state[0] + constant;
        for (std::size_t i = 1; i < steps.size(); ++i) y -= steps[i] * past[past.size() - i];
        return y;
    }

    // After a value that was expected.
    void go_on(double value) {
        const double now = state[0];
        past.push_back(value);
        for (std::size_t i = 0; i + 1 < state.size(); ++i) state[i] = state[i + 1] - (i + 1 < ar.size() ? ar[i + 1] * now : 0.0);
    }

    // After a value that was not, by that much.
    void go_on(double value, double error, const Gain* gain) {
        go_on(value);
        for (std::size_t i = 0; i < rest.size(); ++i) state[i] += error * (gain && !gain->resting() ? gain->of(i) : rest[i]);
    }
};

// Columns of several models have the rows of all series for the first, then those for the second, and so on.
struct Ahead {
    const double* shares;   // (models, series)
    const double* effects;  // what covariates add (models, series, horizon)
    double* mean;           // (series, horizon)
    double* variance;       // (series, horizon)
    Index models, horizon;
};

class Projector {
  public:
    Projector(int m, const Columns& model, const Filtered& at, const Ahead& out) : m_(m), model_(model), at_(at), out_(out), members_(out.models) {}

    void project(Index s) {
        double *mean = out_.mean + s * out_.horizon, *variance = out_.variance + s * out_.horizon;
        gather(s);
        if (used_ == 0) {
            for (double* row : {mean, variance}) std::fill_n(row, out_.horizon, std::numeric_limits<double>::quiet_NaN());
            return;
        }
        const Index late = static_cast<Index>(model_.numbers[s * numbers_per_series + 7]);
        spread(late, variance);
        for (Index i = 0; i < used_; ++i) {
            Member& one = members_[i];
            for (Index h = 0; h < late; ++h) one.path.go_on(one.path.expected());
            one.alone = one.path;
            if (used_ > 1) follow(one);
        }
        for (Index h = 0; h < out_.horizon; ++h) mean[h] = step(h);
        if (used_ > 1) doubt(mean, variance);
    }

    // Whether an error grows in what the models say together, although it dies out in each of them; apart from differences, which they share.
    bool explodes(Index s) {
        gather(s);
        if (used_ < 2) return false;
        begin_response();
        for (Index i = 0; i < used_; ++i) members_[i].response.steps.assign(1, 1.0);
        double before = 1;
        for (Index steps = 16 + 2 * m_;; steps *= 2) {
            double now = 0;
            for (Index h = 0; h < steps; ++h) {
                const double psi = respond();
                now += psi * psi;
            }
            if (now <= before) return false;
            if (steps > longest) return !(now <= grown * before);
            before += now;
        }
    }

  private:
    static constexpr Index longest = 1000;
    static constexpr double grown = 4;

    struct Member {
        Index row;
        double share, sigma2;
        const double* effects;
        Path path, alone, response;
        Gain gain;
    };

    int m_;
    Columns model_;
    Filtered at_;
    Ahead out_;
    std::vector<Member> members_;  // those that forecast the series come first
    Index used_ = 0;

    void gather(Index s) {
        used_ = 0;
        for (Index i = 0; i < out_.models; ++i) {
            const Index row = i * model_.series + s;
            const double* numbers = model_.numbers + row * numbers_per_series;
            if (!(out_.shares[row] > 0) || static_cast<Status>(numbers[6]) == Status::nothing) continue;
            Member& one = members_[used_++];
            one.row = row, one.share = out_.shares[row], one.sigma2 = numbers[1], one.effects = out_.effects + row * out_.horizon;
            begin(row, one.path);
        }
    }

    void begin(Index row, Path& path) const {
        const std::int32_t* o = model_.orders + row * 7;
        const double* c = model_.coefficients + row * model_.width;
        const Values ma = product(polynomial(c + o[0], o[2], 1, 1), polynomial(c + o[0] + o[2] + o[3], o[5], m_, 1));
        path.ar = product(polynomial(c, o[0], 1, -1), polynomial(c + o[0] + o[2], o[3], m_, -1));
        path.steps = difference_polynomial(o[1], o[4], m_);
        path.constant = model_.numbers[row * numbers_per_series];
        path.rest.assign(std::max(path.ar.size() - 1, ma.size()), 0.0);
        for (std::size_t i = 1; i < path.ar.size(); ++i) path.rest[i - 1] -= path.ar[i];
        for (std::size_t i = 1; i < ma.size(); ++i) path.rest[i - 1] += ma[i];
        const double *state = at_.state + row * at_.state_width, *tail = at_.tail + row * at_.tail_width;
        path.state.assign(state, state + path.rest.size());
        path.state.push_back(0.0);
        path.past.assign(std::reverse_iterator(tail + path.steps.size() - 1), std::reverse_iterator(tail));
    }

    // The gain of its filter at the end of the history, as if nothing were missing there.
    void follow(Member& one) const {
        const std::int32_t* o = model_.orders + one.row * 7;
        const Orders orders{o[0], o[1], o[2], o[3], o[4], o[5], 0};
        const Index rows = static_cast<Index>(model_.numbers[one.row * numbers_per_series + 8]) - o[1] - static_cast<Index>(o[4]) * m_;
        one.gain.take(orders, m_, model_.coefficients + one.row * model_.width, std::max<Index>(rows, 0));
    }

    // One step of the recursion: the combined value.
    double step(Index h) {
        double value = 0;
        for (Index i = 0; i < used_; ++i) value += members_[i].share * (members_[i].path.expected() + members_[i].effects[h]);
        for (Index i = 0; i < used_; ++i) {
            Member& one = members_[i];
            const double seen = value - one.effects[h];
            if (used_ == 1) {
                one.path.go_on(seen);
            } else {
                one.path.go_on(seen, seen - one.path.expected(), &one.gain);
                one.gain.step();
            }
        }
        return value;
    }

    // Variance by psi weights; `late` steps lie between the last observed value and the first step asked for.
    void spread(Index late, double* variance) {
        begin_response();
        double sigma2 = 0, sum = 0, psi = 1;
        for (Index i = 0; i < used_; ++i) sigma2 += members_[i].share * members_[i].sigma2;
        for (Index h = 0; h < late + out_.horizon; ++h) {
            sum += psi * psi;
            if (h >= late) variance[h - late] = sigma2 * sum;
            psi = respond();
        }
    }

    // After an error of 1, and nothing before.
    void begin_response() {
        for (Index i = 0; i < used_; ++i) {
            Path& path = members_[i].response = members_[i].path;
            path.constant = 0;
            std::fill(path.past.begin(), path.past.end(), 0.0);
            path.past.push_back(1.0);
            std::copy(path.rest.begin(), path.rest.end(), path.state.begin());
        }
    }

    // What is left of it a step later.
    double respond() {
        double psi = 0;
        for (Index i = 0; i < used_; ++i) psi += members_[i].share * members_[i].response.expected();
        for (Index i = 0; i < used_; ++i) {
            Path& path = members_[i].response;
            path.go_on(psi, psi - path.expected(), nullptr);
        }
        return psi;
    }

    // Models that disagree widen the intervals.
    void doubt(const double* mean, double* variance) {
        for (Index i = 0; i < used_; ++i)
            for (Index h = 0; h < out_.horizon; ++h) {
                const double value = members_[i].alone.expected(), off = value + members_[i].effects[h] - mean[h];
                variance[h] += members_[i].share * off * off;
                members_[i].alone.go_on(value);
            }
    }
};

}  // namespace forecaster::arima

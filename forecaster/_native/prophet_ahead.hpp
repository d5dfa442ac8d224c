// Forecasts of all series from their parameters, and quantiles: exact where the trend is linear or flat (spread.hpp), by seeded
// simulation of future changepoints where it is logistic.
#pragma once

#include <cmath>
#include <cstdint>

#include "order.hpp"
#include "prophet_jobs.hpp"
#include "spread.hpp"

namespace forecaster {

// SplitMix64 (Steele, Lea, Flood 2014). Every path has a stream of its own that depends on the seed and the path alone, so neither the
// number of threads nor what stands beside a series changes a bit, and the first steps do not depend on how many follow.
class Stream {
  public:
    Stream(std::uint64_t seed, std::uint64_t path, std::uint64_t kind) : state_(mixed(mixed(mixed(seed) ^ path) + kind)) {}

    double uniform() { return (static_cast<double>(mixed(state_ += 0x9E3779B97F4A7C15ULL) >> 11) + 0.5) * 0x1.0p-53; }
    double exponential() { return -std::log(uniform()); }
    double laplace() {
        const double u = uniform() - 0.5;
        return (u < 0 ? 1 : -1) * std::log(1 - 2 * std::fabs(u));
    }
    double normal() { return std::sqrt(2 * exponential()) * std::cos(6.283185307179586 * uniform()); }

  private:
    static std::uint64_t mixed(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    std::uint64_t state_;
};

class Ahead {
  public:
    explicit Ahead(const AheadJob& job) : job_(job) {}

    void look(Index s) {
        read(s);
        for (Index h = 0; h < job_.horizon; ++h) job_.mean[s * job_.horizon + h] = in_values(s, h, place(s, h).value());
        if (job_.n_levels == 0) return;
        if (job_.growth == Growth::logistic) return simulate(s);
        for (Index h = 0; h < job_.horizon; ++h) spread(s, h);
    }

  private:
    struct Place {
        double t, u, cap, product, sum;
        bool logistic;
        double trend(double change = 0) const { return logistic ? cap / (1 + std::exp(-(u + change))) : u + change; }
        double value(double change = 0) const { return trend(change) * product + sum; }
    };

    // What the simulation of the future needs: changes per unit of t, and their mean size.
    void read(Index s) {
        const Parameters& of = job_.parameters;
        const Index n_points = job_.scales.n_changepoints, width = trend_columns + job_.columns.n() + n_points;
        theta_ = of.theta + s * width;
        delta_ = theta_ + trend_columns + job_.columns.n();
        points_ = job_.scales.changepoints + s * n_points;
        bends_ = std::find_if(points_, points_ + n_points, [](double t) { return std::isnan(t); }) - points_;
        size_ = 0;
        for (Index j = 0; j < bends_; ++j) size_ += std::fabs(delta_[j]) / bends_;
        rate_ = size_ > 0 ? static_cast<double>(bends_) : 0.0;
        places_.clear();
        for (Index h = 0; h < job_.horizon; ++h) places_.push_back(at(s, h));
    }

    const Place& place(Index, Index h) const { return places_[h]; }

    Place at(Index s, Index h) const {
        const Columns& of = job_.columns;
        const Index step = job_.rows.first[s] + h, row = s * job_.horizon + h;
        const double t = job_.scales.time(s, of.day[step]);
        const bool logistic = job_.growth == Growth::logistic;
        Place out{t, theta_[1], 1, 1, 0, logistic};
        if (logistic) out.u = theta_[0] * (t - theta_[1]), out.cap = job_.scales.value(job_.rows, s, row, job_.rows.cap[row]);
        if (job_.growth == Growth::linear) out.u = theta_[0] * t + theta_[1];
        for (Index j = 0; j < bends_; ++j) out.u += delta_[j] * std::max(t - points_[j], 0.0);
        for (Index c = 0; c < of.n(); ++c) {
            const double beta = theta_[trend_columns + c];
            if (beta == 0) continue;
            const double x = c < of.n_shared ? of.shared[step * of.n_shared + c] : of.own[row * of.n_own + c - of.n_shared];
            (of.multiplicative[c] ? out.product : out.sum) += beta * x;
        }
        return out;
    }

    double in_values(Index s, Index h, double scaled) const {
        return scaled * job_.scales.size[s] + job_.scales.base(job_.rows, s, s * job_.horizon + h);
    }

    double* quantiles(Index s, Index h) const { return job_.quantiles + (s * job_.horizon + h) * job_.n_levels; }

    void spread(Index s, Index h) {
        const Place& here = place(s, h);
        const double way = std::max(here.t - job_.known[s], 0.0), sigma = job_.parameters.sigma[s];
        const bool bends = job_.growth == Growth::linear;
        spread_.set(bends ? rate_ * way : 0.0, bends ? size_ * way * std::fabs(here.product) / sigma : 0.0);
        double* out = quantiles(s, h);
        for (Index l = 0; l < job_.n_levels; ++l) {
            out[l] = in_values(s, h, here.value() + sigma * spread_.quantile(job_.levels[l]));
            if (l > 0) out[l] = std::max(out[l], out[l - 1]);
        }
    }

    // A simulated future: what its changes so far add to u is slope * t + level.
    struct Path {
        Stream changes;
        double next, slope = 0, level = 0;
        bool bent = false;
    };

    void simulate(Index s) {
        if (noise_.empty()) draw();
        paths_.clear(), values_.resize(job_.samples);
        for (Index path = 0; path < job_.samples; ++path) {
            paths_.push_back({Stream(job_.seed, path, 0), std::numeric_limits<double>::infinity()});
            if (rate_ > 0) paths_.back().next = job_.known[s] + paths_.back().changes.exponential() / rate_;
        }
        for (Index h = 0; h < job_.horizon; ++h) {
            const Place& here = place(s, h);
            const double straight = here.value(), sigma = job_.parameters.sigma[s];
            for (Index path = 0; path < job_.samples; ++path) {
                Path& one = paths_[path];
                if (one.next < here.t) bend(one, here.t);
                const double value = one.bent ? here.value(one.slope * here.t + one.level) : straight;
                values_[path] = value + sigma * noise_[h * job_.samples + path];
            }
            order_.set(values_.data(), job_.samples);
            for (Index l = 0; l < job_.n_levels; ++l) quantiles(s, h)[l] = in_values(s, h, order_.quantile(job_.levels[l]));
        }
    }

    void bend(Path& one, double t) const {
        for (; one.next < t; one.next += one.changes.exponential() / rate_) {
            const double change = size_ * one.changes.laplace();
            one.slope += change, one.level -= change * one.next;
        }
        one.bent = true;
    }

    // The noise of a path is the same for every series.
    void draw() {
        noise_.resize(job_.horizon * job_.samples);
        for (Index path = 0; path < job_.samples; ++path) {
            Stream noise(job_.seed, path, 1);
            for (Index h = 0; h < job_.horizon; ++h) noise_[h * job_.samples + path] = noise.normal();
        }
    }

    const AheadJob& job_;
    const double *theta_ = nullptr, *delta_ = nullptr, *points_ = nullptr;
    Index bends_ = 0;
    double size_ = 0, rate_ = 0;
    std::vector<Place> places_;
    std::vector<Path> paths_;
    std::vector<double> values_, noise_;
    Order order_;
    Spread spread_;
};

}  // namespace forecaster

// Which ARIMA: the stepwise search of Hyndman and Khandakar (2008) on the exact AICc, widened to a beam of models whose neighbours
// are tried, each fit started from the best of several points. The likelihood of a long series has many hills: where it has no
// season, the search leaps too, and its beam is as wide as the best models are close.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

#include "arima_candidate.hpp"
#include "arima_series.hpp"
#include "levenberg.hpp"

namespace forecaster::arima {

struct Tried {
    Candidate model;
    bool expanded;  // its neighbours were tried too
};

// How far a search goes. The beam: the `least` best models, and up to `most` of those `within` so much of the best. How many steps a
// fit may take. Whether it leaps: starts from a larger model too, and adds two terms at once.
struct Effort {
    int least, most;
    double within;
    int passes;
    bool leaps;
};
constexpr Effort usual{.least = 4, .most = 4, .within = 0, .passes = 10, .leaps = false};
constexpr Effort thorough{.least = 2, .most = 8, .within = 5, .passes = 12, .leaps = true};
constexpr Index long_series = 200;

template <int W>
class Search {
  public:
    // The models of `series` that are kept under `rules`: the one that is chosen, and the next best.
    const std::vector<Candidate>& run(const Series& series, const Rules& rules, const Orders& differences) {
        rules_ = &rules, best_ = Candidate{}, tried_.clear(), pool_.clear(), models_ = 0;
        prepare(series, differences);
        if (rules.fixed)
            fit_fixed(differences);
        else if (series.gaps.empty())
            search(differences);
        else
            search_around_gaps(series, differences);
        settle(differences);
        return kept_;
    }

    int models() const { return models_; }
    bool allowed_constant(const Orders& o) const { return rules_->constant != 0 && o.d + o.D < 2; }
    const Prepared& prepared(int constant) const { return prepared_[constant]; }

    // AICc at deviance of a model of those orders, without the scale of the series.
    static double penalty(const Orders& orders, Index n, int covariates) {
        const double used = static_cast<double>(n), k = orders.parameters() + orders.constant + covariates + 1;
        if (used - k - 1 <= 0) return infinite;
        return used * std::log(2 * std::numbers::pi) + used + 2 * k + 2 * k * (k + 1) / (used - k - 1);
    }

  private:
    const Series* series_ = nullptr;
    const Rules* rules_ = nullptr;
    Effort effort_ = usual;
    Prepared prepared_[2];
    Likelihood<W> likelihood_;
    Levenberg<W> levenberg_;
    Candidate best_;
    std::set<std::array<int, 5>> tried_;
    std::vector<Tried> pool_;
    std::vector<Candidate> kept_;
    int models_ = 0;

    void prepare(const Series& series, const Orders& differences) {
        series_ = &series;
        for (int constant : {0, 1}) {
            Orders orders = differences;
            orders.constant = constant;
            if (constant == 0 || allowed_constant(orders)) prepared_[constant].build(series, orders, rules_->m);
        }
    }

    static constexpr double bound_ = 0.9999, edge_ = 0.999;
    static constexpr double alike_ = 1.0, negligible_ = 10.0;
    static constexpr std::size_t compared_ = 4;  // models that are fitted around missing values

    double minimise(Candidate& one, double tolerance, int passes, double abandon_above) {
        static constexpr Point lower = filled(-bound_), upper = filled(bound_);
        likelihood_.take(prepared_[one.orders.constant].regression, one.orders, rules_->m, close);
        const Fitting how{.tolerance = tolerance, .abandon_above = abandon_above, .passes = passes};
        return levenberg_.minimise(likelihood_, one.x.data(), lower.data(), upper.data(), one.orders.parameters(), how).criterion;
    }

    static constexpr Point filled(double value) {
        Point out{};
        for (double& v : out) v = value;
        return out;
    }

    // The spread that each version of the series was divided by, so that models with and without a constant compare.
    double units(const Orders& orders) const {
        const Prepared& p = prepared_[orders.constant];
        return 2 * static_cast<double>(p.regression.used()) * std::log(p.spread);
    }

    void measure(Candidate& one, double tolerance, int passes, double best) {
        const Prepared& p = prepared_[one.orders.constant];
        const double charge = penalty(one.orders, p.regression.used(), static_cast<int>(series_->x.size())) + units(one.orders);
        one.criterion = infinite;
        if (charge == infinite) return;
        one.deviance = minimise(one, tolerance, passes, best - charge);
        if (std::isfinite(one.deviance) && inside(one)) one.criterion = one.deviance + charge;
    }

    // Whether no root lies at an edge that the rule refuses.
    bool inside(const Candidate& one) const {
        for (int i = 0; i < one.orders.parameters(); ++i)
            if (std::fabs(one.x[i]) > edge_ && !admitted(one.orders, i, one.x[i] > 0)) return false;
        return true;
    }

    // A root on the circle mostly is a sign of one difference too few or too many. A season that stays, whether by a seasonal
    // moving average or by a seasonal autoregression at +1, is none, nor is an MA(1) at -1.
    bool admitted(const Orders& o, int i, bool positive) const {
        if (rules_->boundary != Boundary::seasonal) return rules_->boundary == Boundary::accept;
        if (i >= o.p + o.q) return i >= o.p + o.q + o.P || positive;
        return o.q == 1 && i == o.p && !positive;
    }

    // The most promising of the starts, all looked at in one pass.
    void begin(const Candidate& from, Candidate& one) {
        const int k = one.orders.parameters();
        if (k == 0) return;
        std::array<double, starts.size() * most_parameters> points;
        for (std::size_t i = 0; i < starts.size(); ++i) warm(from, one.orders, starts[i], points.data() + i * k);
        likelihood_.take(prepared_[one.orders.constant].regression, one.orders, rules_->m, close);
        const int best = levenberg_.best_start(likelihood_, points.data(), static_cast<int>(starts.size()), k);
        std::copy_n(points.data() + best * k, k, one.x.begin());
    }

    // Fits a candidate that was not tried before.
    void attempt(const Orders& orders, const Candidate& from) {
        if (!tried_.insert({orders.p, orders.q, orders.P, orders.Q, orders.constant}).second || models_ >= rules_->models) return;
        ++models_;
        Candidate one{.orders = orders};
        begin(from, one);
        measure(one, 0.1, effort_.passes, worth_knowing());
        pool_.push_back({one, false});
        if (one.criterion < best_.criterion) best_ = one;
    }

    // Best-first: the neighbours of every model in the beam are tried, best model first. Stepwise search is a beam of one, which
    // ends in a model worse by more than 1 in one series of ten.
    void search(const Orders& differences) {
        const Orders most = limits(differences);
        effort_ = most.P + most.Q == 0 && series_->observed() >= long_series ? thorough : usual;
        beginnings(differences, most);
        for (Tried* next = unexpanded(); next && models_ < rules_->models; next = unexpanded()) {
            next->expanded = true;
            const Candidate from = next->model;
            for (const auto& move : moves_) {
                if (std::max(move[0], move[1]) > 1 && !effort_.leaps) continue;
                Orders to = from.orders;
                to.p += move[0], to.q += move[1], to.P += move[2], to.Q += move[3];
                if (move[4]) to.constant = 1 - to.constant;
                if (within(to, most)) attempt(to, from);
            }
        }
        prefer_small();
    }

    // Skipping is dear, so orders are searched with the values that a plain model puts there; the few best models
    // are then compared by the likelihood that skips them.
    void search_around_gaps(const Series& series, const Orders& differences) {
        const Series whole = completed(series, differences);
        prepare(whole, differences);
        search(differences);
        sort_pool();
        pool_.resize(std::min(pool_.size(), compared_));
        prepare(series, differences);
        best_ = Candidate{};
        for (Tried& tried : pool_) {
            measure(tried.model, 1e-2, 30, infinite);
            if (tried.model.criterion < best_.criterion) best_ = tried.model;
        }
        prefer_small();
    }

    Series completed(const Series& series, const Orders& differences) {
        const Orders most = limits(differences);
        Candidate plain{.orders = differences};
        plain.orders.p = std::min(1, most.p), plain.orders.q = std::min(1, most.q), plain.orders.P = std::min(1, most.P), plain.orders.Q = std::min(1, most.Q);
        plain.orders.constant = most.constant;
        begin(Candidate{}, plain);
        minimise(plain, 0.1, 10, infinite);
        const Prepared& prepared = prepared_[plain.orders.constant];
        Lanes<W> x[most_parameters];
        for (int i = 0; i < plain.orders.parameters(); ++i) x[i] = plain.x[i];
        likelihood_.pass(x, Points::around);
        Series whole = series;
        prepared.complete(whole, likelihood_);
        whole.gaps.clear();
        return whole;
    }

    // Of the models that AICc can hardly tell apart, the one with the fewest coefficients: a wide search finds flukes too.
    void prefer_small() {
        auto rank = [](const Candidate& one) { return std::pair(one.orders.parameters(), one.criterion); };
        const double close_enough = best_.criterion + alike_;
        for (const Tried& tried : pool_)
            if (tried.model.criterion <= close_enough && rank(tried.model) < rank(best_)) best_ = tried.model;
    }

    // Criterion of the last model in the beam: how bad a worse one is need not be known.
    double worth_knowing() const {
        std::array<double, std::max(usual.most, thorough.most)> kept;
        kept.fill(infinite);
        for (const Tried& tried : pool_) {
            if (!(tried.model.criterion < kept.back())) continue;
            kept.back() = tried.model.criterion;
            std::sort(kept.begin(), kept.end());
        }
        return std::clamp(kept[0] + effort_.within, kept[effort_.least - 1], kept[effort_.most - 1]);
    }

    Tried* unexpanded() {
        const double worst = worth_knowing();
        Tried* found = nullptr;
        for (Tried& tried : pool_) {
            const double criterion = tried.model.criterion;
            if (!tried.expanded && criterion < infinite && criterion <= worst && (!found || criterion < found->model.criterion)) found = &tried;
        }
        return found;
    }

    // The leaps come first: with two terms of both kinds there is room for a cycle that the model does not have yet.
    static constexpr int moves_[20][5] = {{2, 0, 0, 0, 0}, {0, 2, 0, 0, 0}, {2, 2, 0, 0, 0}, {0, 0, -1, 0, 0}, {0, 0, 0, -1, 0},
                                          {0, 0, 1, 0, 0}, {0, 0, 0, 1, 0}, {0, 0, -1, -1, 0}, {0, 0, -1, 1, 0}, {0, 0, 1, -1, 0},
                                          {0, 0, 1, 1, 0}, {-1, 0, 0, 0, 0}, {0, -1, 0, 0, 0}, {1, 0, 0, 0, 0}, {0, 1, 0, 0, 0},
                                          {-1, -1, 0, 0, 0}, {-1, 1, 0, 0, 0}, {1, -1, 0, 0, 0}, {1, 1, 0, 0, 0}, {0, 0, 0, 0, 1}};

    bool within(const Orders& o, const Orders& most) const {
        if (o.constant && !allowed_constant(o)) return false;
        if (!o.constant && rules_->constant == 1 && allowed_constant(o)) return false;
        return std::min({o.p, o.q, o.P, o.Q}) >= 0 && o.p <= most.p && o.q <= most.q && o.P <= most.P && o.Q <= most.Q;
    }

    Orders limits(const Orders& differences) const {
        Orders most = rules_->most;
        const int n = static_cast<int>(series_->observed()), m = rules_->m;
        const int near = std::min(n / 3, m > 1 ? m - 1 : n), far = m > 1 ? n / 3 / m : 0;
        most.p = std::min(most.p, near), most.q = std::min(most.q, near);
        most.P = std::min(most.P, far), most.Q = std::min(most.Q, far);
        most.constant = allowed_constant(differences);
        return most;
    }

    void beginnings(const Orders& differences, const Orders& most) {
        const Candidate nothing{.orders = differences};
        const bool small = series_->observed() < 10;
        auto start = [&](int p, int q, int P, int Q, int constant, const Candidate& from) {
            Orders o = differences;
            o.p = std::min(p, most.p), o.q = std::min(q, most.q), o.P = std::min(P, most.P), o.Q = std::min(Q, most.Q), o.constant = constant;
            if (within(o, most)) attempt(o, from);
        };
        const int constant = most.constant;
        start(0, 0, 0, 0, constant, nothing);
        start(1, 0, 1, 0, constant, nothing);
        start(0, 1, 0, 1, constant, nothing);
        start(small ? 1 : 2, small ? 1 : 2, small ? 0 : 1, small ? 0 : 1, constant, Candidate(best_));
        start(0, 0, 0, 0, 0, nothing);
        if (effort_.leaps) start(3, 3, 0, 0, constant, nothing);
    }

    // Polishes the chosen model; the others stay as they were when tried. Where nothing could be fitted the model without parameters stands.
    void settle(const Orders& differences) {
        if (best_.criterion == infinite) {
            best_ = Candidate{.orders = differences};
            best_.orders.constant = allowed_constant(differences);
        }
        kept_.assign(1, best_);
        keep_others();
        kept_[0].deviance = minimise(kept_[0], 1e-6, 50, infinite);
    }

    // The next best of the models tried, as far as they have any weight beside the best.
    void keep_others() {
        sort_pool();
        const double worst = best_.criterion + negligible_;
        for (const Tried& tried : pool_) {
            if (static_cast<int>(kept_.size()) == rules_->kept || !(tried.model.criterion <= worst) || worst == infinite) return;
            if (!(tried.model.orders == best_.orders)) kept_.push_back(tried.model);
        }
    }

    void sort_pool() {
        std::sort(pool_.begin(), pool_.end(), [](const Tried& a, const Tried& b) { return a.model.criterion < b.model.criterion; });
    }

    void fit_fixed(const Orders& differences) {
        Candidate one{.orders = rules_->most};
        one.orders.d = differences.d, one.orders.D = differences.D;
        one.orders.constant = allowed_constant(one.orders) && rules_->constant != 0;
        Candidate other = one;
        begin(Candidate{}, one);
        warm(Candidate{}, other.orders, starts[6], other.x.data());
        one.deviance = minimise(one, 1e-6, 100, infinite);
        other.deviance = minimise(other, 1e-6, 100, infinite);
        best_ = other.deviance < one.deviance ? other : one;
        models_ = 2;
        best_.criterion = best_.deviance;
    }
};

}  // namespace forecaster::arima

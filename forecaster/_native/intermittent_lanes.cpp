// The recursions for intermittent demand, W series or weights side by side (equations in intermittent.hpp).
#include "intermittent.hpp"
#include "lanes.hpp"

#include <algorithm>

namespace forecaster {

namespace {

constexpr Index tall = 64;
constexpr double most = std::numeric_limits<double>::max();

template <int W>
using Mask = typename Lanes<W>::Mask;

template <int W>
FORECASTER_INLINE Mask<W> is_finite(Lanes<W> y) {
    return abs(y) <= Lanes<W>(most);
}

template <int W>
struct Demands {
    Lanes<W> size, pace, gap, seen;
    void put(int lane, const Demand& at) { size.set(lane, at.size), pace.set(lane, at.pace), gap.set(lane, at.gap), seen.set(lane, at.seen); }
    Demand get(int lane) const { return {size[lane], pace[lane], gap[lane], seen[lane]}; }
};

// After the first demand.
template <int W, bool chance>
FORECASTER_INLINE void push(Demands<W>& at, Lanes<W> y, Lanes<W> a, Lanes<W> b) {
    const Mask<W> seen = is_finite(y), demand = seen & ~(y == Lanes<W>(0.0));
    const Lanes<W> gap = select(seen, at.gap + Lanes<W>(1.0), at.gap);
    const Lanes<W> towards = chance ? select(demand, Lanes<W>(1.0), Lanes<W>(0.0)) : gap;
    at.pace = select(chance ? seen : demand, at.pace + b * (towards - at.pace), at.pace);
    at.size = select(demand, at.size + a * (y - at.size), at.size);
    at.gap = select(demand, Lanes<W>(0.0), gap);
    at.seen = select(demand, at.seen + Lanes<W>(1.0), at.seen);
}

// `correction` is 1 - b/2 for SBA, else 1.
template <int W, bool chance>
FORECASTER_INLINE Lanes<W> rate(const Demands<W>& at, Lanes<W> correction) {
    if constexpr (chance) return at.size * at.pace;
    return at.size / at.pace * select(at.pace == Lanes<W>(1.0), Lanes<W>(1.0), correction);
}

double correction_of(const Flow& flow, Smoothing by) { return flow.method == Method::sba ? 1 - by.pace / 2 : 1.0; }

// To behind the first demand, so that none of the steps after it has to ask for it.
void start(Flow& flow, bool chance) {
    Demand& at = flow.at;
    for (; flow.n > 0 && at.seen == 0; ++flow.x, --flow.n) {
        if (flow.said) *flow.said++ = rate_of(at, flow.method, flow.by);
        if (!std::isfinite(*flow.x)) continue;
        at.gap += 1;
        if (*flow.x != 0) at = {*flow.x, chance ? 1 / at.gap : at.gap, 0, 1};
    }
}

// The next `tall` values of W series, step by step.
template <int W>
class Tile {
  public:
    void load(const Flow* flows, Index count, Index from) {
        for (Index lane = 0; lane < W; ++lane) {
            const Index there = lane < count ? std::clamp<Index>(flows[lane].n - from, 0, tall) : 0;
            for (Index t = 0; t < there; ++t) values_[t * W + lane] = flows[lane].x[from + t];
            for (Index t = there; t < tall; ++t) values_[t * W + lane] = std::numeric_limits<double>::quiet_NaN();
        }
    }
    FORECASTER_INLINE Lanes<W> operator[](Index t) const { return Lanes<W>::load(values_ + t * W); }
    FORECASTER_INLINE void set(Index t, Lanes<W> y) { y.store(values_ + t * W); }

    void tell(const Flow* flows, Index count, Index from) const {
        for (Index lane = 0; lane < count; ++lane)
            for (Index t = 0; flows[lane].said && t < std::min(flows[lane].n - from, tall); ++t) flows[lane].said[from + t] = values_[t * W + lane];
    }

  private:
    alignas(64) double values_[tall * W];
};

// Calls body(flows, how many of them, steps of the longest) for W series at a time that stand behind their first demand.
template <int W, class Body>
void abreast(std::vector<Flow>& flows, bool chance, Body body) {
    for (std::size_t first = 0; first < flows.size(); first += W) {
        const Index count = std::min<Index>(W, static_cast<Index>(flows.size() - first));
        Index longest = 0;
        for (Index lane = 0; lane < count; ++lane) {
            start(flows[first + lane], chance);
            longest = std::max(longest, flows[first + lane].n);
        }
        body(flows.data() + first, count, longest);
    }
}

template <int W, bool chance>
void follow_abreast(Flow* flows, Index count, Index longest) {
    const bool told = flows[0].said;
    Demands<W> at{0.0, 0.0, 0.0, 0.0};
    Lanes<W> a = 0.0, b = 0.0, correction = 1.0;
    for (int lane = 0; lane < count; ++lane) {
        at.put(lane, flows[lane].at);
        a.set(lane, flows[lane].by.size), b.set(lane, flows[lane].by.pace);
        correction.set(lane, correction_of(flows[lane], flows[lane].by));
    }
    Tile<W> tile;
    for (Index from = 0; from < longest; from += tall) {
        tile.load(flows, count, from);
        const Index rows = std::min(tall, longest - from);
        for (Index t = 0; t < rows; ++t) {
            const Lanes<W> y = tile[t];
            if (told) tile.set(t, rate<W, chance>(at, correction));
            push<W, chance>(at, y, a, b);
        }
        if (told) tile.tell(flows, count, from);
    }
    for (int lane = 0; lane < count; ++lane) flows[lane].at = at.get(lane);
}

// What W series would be with one pair of weights, and the squared errors that it has made.
template <int W>
struct Trial {
    Demands<W> at;
    Lanes<W> squares, correction;
};

template <int W, bool chance>
void choose_abreast(Flow* flows, Index count, Index longest, const std::vector<Smoothing>& candidates) {
    std::vector<Trial<W>> trials(candidates.size(), {{0.0, 0.0, 0.0, 0.0}, 0.0, 1.0});
    for (std::size_t c = 0; c < candidates.size(); ++c)
        for (int lane = 0; lane < count; ++lane) {
            trials[c].at.put(lane, flows[lane].at);
            trials[c].correction.set(lane, correction_of(flows[lane], candidates[c]));
        }
    Tile<W> tile;
    for (Index from = 0; from < longest; from += tall) {
        tile.load(flows, count, from);
        const Index rows = std::min(tall, longest - from);
        for (std::size_t c = 0; c < candidates.size(); ++c) {
            Trial<W> trial = trials[c];
            for (Index t = 0; t < rows; ++t) {
                const Lanes<W> y = tile[t], off = y - rate<W, chance>(trial.at, trial.correction);
                trial.squares += select(is_finite(y), off * off, Lanes<W>(0.0));
                push<W, chance>(trial.at, y, candidates[c].size, candidates[c].pace);
            }
            trials[c] = trial;
        }
    }
    for (int lane = 0; lane < count; ++lane) {
        double least = std::numeric_limits<double>::infinity();
        flows[lane].by = candidates.front();
        for (std::size_t c = 0; c < candidates.size(); ++c)
            if (trials[c].squares[lane] < least) least = trials[c].squares[lane], flows[lane].by = candidates[c];
    }
}

// Calls body(y, mask of the demands) for W values at a time; behind the last there are missing ones.
template <int W, class Body>
FORECASTER_INLINE void over_values(const double* x, Index n, Body body) {
    const auto one = [&](Lanes<W> y) {
        const Mask<W> seen = is_finite(y);
        body(y, seen, seen & ~(y == Lanes<W>(0.0)));
    };
    Index t = 0;
    for (; t + W <= n; t += W) one(Lanes<W>::load(x + t));
    Lanes<W> rest = std::numeric_limits<double>::quiet_NaN();
    for (int lane = 0; t < n; ++t, ++lane) rest.set(lane, x[t]);
    one(rest);
}

template <int W>
double total(Lanes<W> x) {
    double sum = 0;
    for (int lane = 0; lane < W; ++lane) sum += x[lane];
    return sum;
}

}  // namespace

template <int W>
void follow(std::vector<Flow>& flows) {
    const bool chance = !flows.empty() && flows[0].method == Method::tsb;
    const auto body = chance ? &follow_abreast<W, true> : &follow_abreast<W, false>;
    abreast<W>(flows, chance, body);
}

template <int W>
void choose(std::vector<Flow>& flows, const std::vector<Smoothing>& candidates) {
    const bool chance = !flows.empty() && flows[0].method == Method::tsb;
    const auto body = chance ? &choose_abreast<W, true> : &choose_abreast<W, false>;
    abreast<W>(flows, chance, [&](Flow* some, Index count, Index longest) { body(some, count, longest, candidates); });
}

template <int W>
Pattern pattern(const double* x, Index n) {
    Pattern out;
    Lanes<W> observed = 0.0, demands = 0.0, sum = 0.0, squares = 0.0;
    const Lanes<W> zero = 0.0, one = 1.0;
    over_values<W>(x, n, [&](Lanes<W> y, Mask<W> seen, Mask<W> demand) {
        observed += select(seen, one, zero);
        demands += select(demand, one, zero);
        sum += select(demand, y, zero);
    });
    out.observed = total(observed);
    const double count = total(demands), mean = total(sum) / count;
    if (count == 0) return out;
    over_values<W>(x, n, [&](Lanes<W> y, Mask<W>, Mask<W> demand) {
        const Lanes<W> off = select(demand, y - Lanes<W>(mean), zero);
        squares += off * off;
    });
    double last = out.observed;
    for (Index t = n - 1; !std::isfinite(x[t]) || x[t] == 0; --t) last -= x[t] == 0;
    out.interval = last / count;
    out.variation = total(squares) / count / (mean * mean);
    return out;
}

template <int W>
Bucket smoothed(const std::vector<double>& x, double low, double high, double& alpha) {
    constexpr int vectors = weights_tried / W;
    Lanes<W> weight[vectors], level[vectors], error[vectors];
    for (int c = 0; c < weights_tried; ++c) weight[c / W].set(c % W, low + (high - low) * c / (weights_tried - 1));
    alpha = low;
    if (x.empty()) return {};
    for (int v = 0; v < vectors; ++v) level[v] = x[0], error[v] = 0.0;
    for (const double y : x)
        for (int v = 0; v < vectors; ++v) {
            const Lanes<W> off = Lanes<W>(y) - level[v];
            error[v] += off * off;
            level[v] += weight[v] * off;
        }
    int least = 0;
    for (int c = 1; c < weights_tried; ++c)
        if (error[c / W][c % W] < error[least / W][least % W]) least = c;
    alpha = weight[least / W][least % W];
    return {level[least / W][least % W], 0, 0, static_cast<double>(x.size())};
}

template void follow<FORECASTER_LANES>(std::vector<Flow>&);
template void choose<FORECASTER_LANES>(std::vector<Flow>&, const std::vector<Smoothing>&);
template Pattern pattern<FORECASTER_LANES>(const double*, Index);
template Bucket smoothed<FORECASTER_LANES>(const std::vector<double>&, double, double, double&);

}  // namespace forecaster

// The recursions for intermittent demand, W series or weights side by side (equations in intermittent.hpp).
#include "dense.hpp"
#include "intermittent.hpp"
#include "lanes.hpp"

#include <algorithm>
#include <cstdint>

namespace forecaster {

namespace {

constexpr Index tall = 64;
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

template <int W>
using Mask = typename Lanes<W>::Mask;

template <int W>
FORECASTER_INLINE Mask<W> is_finite(Lanes<W> y) {
    using Bits = typename Lanes<W>::Bits;
    constexpr std::uint64_t exponent = 0x7ff0000000000000;
    return ((Bits)y.v & exponent) != (Bits{} + exponent);
}

template <int W>
struct Demands {
    Lanes<W> size, pace, gap, seen;
    void put(int lane, const Demand& at) { size.set(lane, at.size), pace.set(lane, at.pace), gap.set(lane, at.gap), seen.set(lane, at.seen); }
    Demand get(int lane) const { return {size[lane], pace[lane], gap[lane], seen[lane]}; }
};

// Weights of size and pace.
template <int W>
struct Pull {
    Lanes<W> size, pace;
    void put(int lane, Smoothing by) { size.set(lane, by.size), pace.set(lane, by.pace); }
};

// `now` pulls until the next demand, `later` from there on. A series without a demand so far stands at zero, so that a first pull of one
// takes it to that demand and the time before it (or `await` to the chance of one).
template <int W, bool chance>
FORECASTER_INLINE void push(Demands<W>& at, Pull<W>& now, const Pull<W>& later, Lanes<W> y) {
    const Mask<W> seen = is_finite(y), demand = seen & ~(y == Lanes<W>(0.0));
    const Lanes<W> gap = select(seen, at.gap + Lanes<W>(1.0), at.gap);
    const Lanes<W> towards = chance ? select(demand, Lanes<W>(1.0), Lanes<W>(0.0)) : gap;
    at.pace = select(chance ? seen : demand, at.pace + now.pace * (towards - at.pace), at.pace);
    at.size = select(demand, at.size + now.size * (y - at.size), at.size);
    at.gap = select(demand, Lanes<W>(0.0), gap);
    at.seen = select(demand, at.seen + Lanes<W>(1.0), at.seen);
    now.size = select(demand, later.size, now.size);
    now.pace = select(demand, later.pace, now.pace);
}

// `correction` is 1 - b/2 for SBA, else 1.
template <int W, bool chance>
FORECASTER_INLINE Lanes<W> rate(const Demands<W>& at, Lanes<W> correction) {
    const Lanes<W> zero = 0.0, before = select(at.gap > zero, zero, Lanes<W>(missing));
    const Lanes<W> after = chance ? at.size * at.pace : at.size / at.pace * select(at.pace == Lanes<W>(1.0), Lanes<W>(1.0), correction);
    return select(at.seen == zero, before, after);
}

double correction_of(const Flow& flow, Smoothing by) { return flow.method == Method::sba ? 1 - by.pace / 2 : 1.0; }

// The next `tall` values of W series, step by step.
template <int W>
class Tile {
  public:
    void load(const Flow* flows, Index count, Index from, Index rows) {
        Index whole = count < W ? 0 : rows;
        for (Index lane = 0; lane < std::min<Index>(W, count); ++lane) whole = std::clamp<Index>(flows[lane].n - from, 0, whole) / W * W;
        for (Index t = 0; t < whole; t += W) put(t, [&](int lane) { return flows[lane].x + from + t; });
        if (whole < rows) load_rest(flows, count, from + whole, whole, rows);
    }
    FORECASTER_INLINE Lanes<W> operator[](Index t) const { return Lanes<W>::load(values_ + t * W); }
    FORECASTER_INLINE void set(Index t, Lanes<W> y) { y.store(values_ + t * W); }

    void tell(const Flow* flows, Index count, Index from) const {
        for (Index lane = 0; lane < std::min<Index>(W, count); ++lane)
            for (Index t = 0; flows[lane].said && t < std::min(flows[lane].n - from, tall); ++t) flows[lane].said[from + t] = values_[t * W + lane];
    }

  private:
    // Where some series end, missing values follow. Inlined, this rare case would cost the loop above its registers.
    [[gnu::noinline]] void load_rest(const Flow* flows, Index count, Index from, Index first, Index rows) {
        double rest[W][tall];
        const Index end = (rows - first + W - 1) / W * W;
        for (Index lane = 0; lane < W; ++lane) {
            const Index there = lane < count ? std::clamp<Index>(flows[lane].n - from, 0, rows - first) : 0;
            for (Index t = 0; t < there; ++t) rest[lane][t] = flows[lane].x[from + t];
            std::fill(rest[lane] + there, rest[lane] + end, missing);
        }
        for (Index t = first; t < rows; t += W) put(t, [&](int lane) { return rest[lane] + t - first; });
    }
    template <class Place>
    FORECASTER_INLINE void put(Index t, Place x) {
        Lanes<W> rows[W];
        Lanes<W>::transpose(x, rows);
        for (int row = 0; row < W; ++row) rows[row].store(values_ + (t + row) * W);
    }

    alignas(64) double values_[tall * W];
};

// So many bundles of W series go on at once, so that the one's waiting is the other's work.
constexpr Index together = 2;

// Asks for as much memory behind some series as they take, bit by bit while they are worked on: those that are next lie there. It comes no
// nearer than the second cache: a whole bundle of series does not fit the first.
class Ahead {
  public:
    Ahead(const Flow* flows, Index count) : next_(bytes(flows[count - 1].x + flows[count - 1].n)), end_(2 * next_ - bytes(flows[0].x)) {}

    template <int lines>
    FORECASTER_INLINE void fetch() {
        for (int k = 0; k < lines; ++k, next_ += line) __builtin_prefetch(reinterpret_cast<const void*>(std::min(next_, end_)), 0, 2);
    }

  private:
    static constexpr Index line = 64;
    static std::uintptr_t bytes(const double* x) { return reinterpret_cast<std::uintptr_t>(x); }
    std::uintptr_t next_, end_;
};

// The chance of a demand starts with one over the steps to the first one, if that is among some values to come.
template <int W>
void await(const Tile<W>& tile, Index rows, const Demands<W>& at, Pull<W>& now) {
    Lanes<W> waiting = select(at.seen == Lanes<W>(0.0), Lanes<W>(1.0), Lanes<W>(0.0));
    if (!(largest(waiting) > 0)) return;
    Lanes<W> gap = at.gap;
    for (Index t = 0; t < rows; ++t) {
        const Mask<W> seen = is_finite(tile[t]);
        gap += select(seen, waiting, Lanes<W>(0.0));
        waiting = select(seen & ~(tile[t] == Lanes<W>(0.0)), Lanes<W>(0.0), waiting);
    }
    now.pace = select(at.seen == Lanes<W>(0.0), Lanes<W>(1.0) / gap, now.pace);
}

template <int W, bool chance>
void follow_abreast(Flow* flows, Index count) {
    const bool told = flows[0].said;
    Demands<W> at[together];
    Pull<W> now[together], later[together];
    Lanes<W> correction[together];
    Index longest = 0;
    for (int i = 0; i < together; ++i) at[i] = {0.0, 0.0, 0.0, 0.0}, now[i] = later[i] = {0.0, 0.0}, correction[i] = 1.0;
    for (int s = 0; s < count; ++s) {
        const Flow& flow = flows[s];
        longest = std::max(longest, flow.n);
        at[s / W].put(s % W, flow.at);
        now[s / W].put(s % W, flow.at.seen > 0 ? flow.by : Smoothing{1, 1});
        later[s / W].put(s % W, flow.by);
        correction[s / W].set(s % W, correction_of(flow, flow.by));
    }
    Tile<W> tiles[together];
    Ahead ahead(flows, count);
    for (Index from = 0; from < longest; from += tall) {
        const Index rows = std::min(tall, longest - from);
        for (int i = 0; i < together; ++i) tiles[i].load(flows + i * W, count - i * W, from, rows);
        for (int i = 0; chance && i < together; ++i) await(tiles[i], rows, at[i], now[i]);
        for (Index t = 0; t < rows; ++t) {
            ahead.fetch<together * W / 8 + 1>();  // a line holds 8 values
#pragma GCC unroll 8
            for (int i = 0; i < together; ++i) {
                const Lanes<W> y = tiles[i][t];
                if (told) tiles[i].set(t, rate<W, chance>(at[i], correction[i]));
                push<W, chance>(at[i], now[i], later[i], y);
            }
        }
        for (int i = 0; told && i < together; ++i) tiles[i].tell(flows + i * W, count - i * W, from);
    }
    for (int s = 0; s < count; ++s) flows[s].at = at[s / W].get(s % W);
}

// Calls body(y, mask of the known ones, mask of the demands, which of `Sums`) for W values at a time; behind the last there are missing ones.
template <int W, class Body>
FORECASTER_INLINE void over_values(const double* x, Index n, Body body) {
    const auto all = [&](const double* from) {
        for (Index part = 0; part < widest / W; ++part) {
            const auto y = Lanes<W>::load(from + part * W);
            const Mask<W> seen = is_finite(y);
            body(y, seen, seen & ~(y == Lanes<W>(0.0)), part);
        }
    };
    Index t = 0;
    for (; t + widest <= n; t += widest) all(x + t);
    double rest[widest];
    std::fill(std::copy(x + t, x + n, rest), rest + widest, std::numeric_limits<double>::quiet_NaN());
    all(rest);
}

// The demands of one series, and the steps from each to the one before (of the first: from the start).
struct Sold {
    std::vector<double> size, gap;  // with room behind the last demand
    Index demands = 0;
    double after = 0;  // steps since the last demand

    template <int W>
    void find(const double* x, Index n) {
        if (static_cast<Index>(size.size()) < n + W) size.resize(n + W), gap.resize(n + W);
        demands = 0;
        Lanes<W> step;
        Sums<W> known;
        for (int lane = 0; lane < W; ++lane) step.set(lane, lane + 1);
        over_values<W>(x, n, [&](Lanes<W> y, Mask<W> there, Mask<W> demand, Index part) {
            step.pack(demand, gap.data() + demands);
            demands += y.pack(demand, size.data() + demands);
            known.parts[part] += select(there, Lanes<W>(1.0), Lanes<W>(0.0));
            step += Lanes<W>(W);
        });
        const double seen = known.total();
        if (seen < static_cast<double>(n)) count_known(x, n);
        after = seen - (demands ? gap[demands - 1] : 0);
        for (Index k = demands - 1; k > 0; --k) gap[k] -= gap[k - 1];
    }

    template <int W>
    bool is_smooth(const Smooth& at_most) const {
        double steps = 0;
        for (Index k = 0; k < demands; ++k) steps += gap[k];
        return steps / static_cast<double>(demands) <= at_most.interval && pattern<W>(size.data(), demands).variation <= at_most.variation;
    }

  private:
    // Steps of the demands where some values are missing.
    void count_known(const double* x, Index n) {
        double seen = 0;
        for (Index t = 0, k = 0; t < n; ++t) {
            seen += std::isfinite(x[t]);
            if (std::isfinite(x[t]) && x[t] != 0) gap[k++] = seen;
        }
    }
};

// Weights of sizes, and of paces, that are worked on together: of the latter as many as the learner tries.
constexpr int size_weights = 8, pace_weights = 7;

template <int W>
struct Weights {
    Lanes<W> v[size_weights / W];

    // From some place on; the last one again where there are no more.
    Weights(const std::vector<double>& weights, std::size_t from) {
        for (std::size_t i = 0; i < size_weights; ++i) v[i / W].set(i % W, weights[std::min(from + i, weights.size() - 1)]);
    }
};

// What one series makes of every pair of some weights. Of its squared errors those parts count that differ between pairs: of a demand y
// that comes after q steps, and a rate r in all of them, (q - 1) r^2 + (y - r)^2 is q r^2 - 2 y r and a y^2 that no weight changes. The
// rate is one part that the weight of sizes knows times one that the weight of paces knows, so both are had once per demand, and two
// products are left for a pair. Where the chance of a demand fades from step to step, so does the second part: its squares are summed.
template <int W, bool chance>
class Trials {
    static constexpr int vectors = size_weights / W, part = 2 * size_weights;
    // Demands that paces are ahead of sizes, so that the one's waiting is the other's work; all of them where registers are few.
    static constexpr Index ahead = vectors == 1 ? 4 : std::numeric_limits<Index>::max();

    struct Pace {
        Lanes<W> b, correction, at;

        // What it says of a demand `gap` steps after the one before: its part of the rate, and the squares of that over all steps.
        FORECASTER_INLINE Lanes<W> expect(double gap, double* out) const {
            Lanes<W> once, squares;
            if constexpr (chance) {
                once = at, squares = once * once;
                for (double step = 1; step < gap; ++step) {
                    once -= b * once;
                    squares += once * once;
                }
            } else {
                once = select(at == Lanes<W>(1.0), Lanes<W>(1.0), correction) / at;
                squares = Lanes<W>(gap) * once * once;
            }
            once.store(out), squares.store(out + size_weights);
            return once;
        }
        FORECASTER_INLINE void take(double gap, double* out) {
            const Lanes<W> once = expect(gap, out);
            at = chance ? once + b * (Lanes<W>(1.0) - once) : at + b * (Lanes<W>(gap) - at);
        }
        void end(double gap, double* out) {
            const Lanes<W> once = expect(gap, out);
            if (chance) at = once - b * once;
        }
    };
    struct Size {
        Lanes<W> a, at, sums[pace_weights];

        FORECASTER_INLINE void take(double y, const double* paces) {
            const Lanes<W> squared = at * at, times = Lanes<W>(-2 * y) * at;
            for (int j = 0; j < pace_weights; ++j) {
                sums[j] += times * Lanes<W>(paces[j]);
                sums[j] += squared * Lanes<W>(paces[size_weights + j]);
            }
            at += a * (Lanes<W>(y) - at);
        }
        void end(const double* paces) {
            for (int j = 0; j < pace_weights; ++j) sums[j] += at * at * Lanes<W>(paces[size_weights + j]);
        }
    };

    Pace pace_[vectors];
    Size size_[vectors];
    std::vector<double> parts_;  // of each demand, for each weight of paces: what `expect` says

  public:
    void make(const Sold& sold, const Weights<W>& sizes, const Weights<W>& paces, bool corrected) {
        parts_.resize(part * (sold.demands + 1));
        for (int v = 0; v < vectors; ++v) {
            pace_[v] = {paces.v[v], corrected ? Lanes<W>(1.0) - paces.v[v] * Lanes<W>(0.5) : Lanes<W>(1.0), chance ? 1 / sold.gap[0] : sold.gap[0]};
            size_[v] = {sizes.v[v], sold.size[0], {}};
        }
        const Index lead = std::min(ahead, sold.demands - 1);
        const Index beside = sold.demands - 1 - lead;
        for (int v = 0; v < vectors; ++v) move<true, false>(sold, v, lead, 1, 1);
        if (vectors == 1) move<true, true>(sold, 0, beside, 1 + lead, 1);
        for (int v = 0; v < vectors; ++v) move<false, true>(sold, v, lead, 1, 1 + beside);
        if (sold.after == 0) return;
        double* last = parts_.data() + part * sold.demands;
        for (int v = 0; v < vectors; ++v) pace_[v].end(sold.after, last + v * W);
        for (int v = 0; v < vectors; ++v) size_[v].end(last);
    }

    double error(int a, int b) const { return size_[a / W].sums[b][a % W]; }
    Demand state(int a, int b, const Sold& sold) const {
        return {size_[a / W].at[a % W], pace_[b / W].at[b % W], sold.after, static_cast<double>(sold.demands)};
    }

  private:
    // Moves paces or sizes on over some demands, or both over different ones side by side.
    template <bool paces, bool sizes>
    FORECASTER_INLINE void move(const Sold& sold, int v, Index count, Index pace_from, Index size_from) {
        Pace pace = pace_[v];
        Size size = size_[v];
        const double *y = sold.size.data() + size_from, *gap = sold.gap.data() + pace_from, *said = parts_.data() + part * size_from;
        double* out = parts_.data() + part * pace_from + v * W;
        for (Index k = 0; k < count; ++k) {
            if (paces) pace.take(gap[k], out + part * k);
            if (sizes) size.take(y[k], said + part * k);
        }
        if (paces) pace_[v] = pace;
        if (sizes) size_[v] = size;
    }
};

template <int W, bool chance>
void choose_for(Flow& flow, const Sold& sold, const std::vector<double>& sizes, const std::vector<double>& paces, Trials<W, chance>& trials) {
    double least = std::numeric_limits<double>::infinity();
    flow.by = {sizes.front(), paces.front()};
    for (std::size_t i = 0; i < sizes.size(); i += size_weights)
        for (std::size_t j = 0; j < paces.size(); j += pace_weights) {
            trials.make(sold, Weights<W>(sizes, i), Weights<W>(paces, j), flow.method == Method::sba);
            for (int a = 0; a < size_weights; ++a)
                for (int b = 0; b < pace_weights; ++b) {
                    const bool first = i == 0 && j == 0 && a == 0 && b == 0, less = trials.error(a, b) < least;
                    if (less) least = trials.error(a, b);
                    if (!first && !less) continue;
                    flow.by = {sizes[std::min(i + a, sizes.size() - 1)], paces[std::min(j + b, paces.size() - 1)]};
                    flow.at = trials.state(a, b, sold);
                }
        }
}

}  // namespace

template <int W>
void follow(std::vector<Flow>& flows) {
    const bool chance = !flows.empty() && flows[0].method == Method::tsb;
    const Index series = static_cast<Index>(flows.size()), most = together * W;
    for (Index s = 0; s < series; s += most)
        (chance ? &follow_abreast<W, true> : &follow_abreast<W, false>)(flows.data() + s, std::min(most, series - s));
}

template <int W>
Pattern pattern(const double* x, Index n) {
    Pattern out;
    Sums<W> observed, demands, sum, squares;
    const Lanes<W> zero = 0.0, one = 1.0;
    over_values<W>(x, n, [&](Lanes<W> y, Mask<W> seen, Mask<W> demand, Index part) {
        observed.parts[part] += select(seen, one, zero);
        demands.parts[part] += select(demand, one, zero);
        sum.parts[part] += select(demand, y, zero);
    });
    out.observed = observed.total();
    const double count = demands.total(), mean = sum.total() / count;
    if (count == 0) return out;
    over_values<W>(x, n, [&](Lanes<W> y, Mask<W>, Mask<W> demand, Index part) {
        const Lanes<W> off = select(demand, y - Lanes<W>(mean), zero);
        squares.parts[part] += off * off;
    });
    double last = out.observed;
    for (Index t = n - 1; !std::isfinite(x[t]) || x[t] == 0; --t) last -= x[t] == 0;
    out.interval = last / count;
    out.variation = squares.total() / count / (mean * mean);
    return out;
}

namespace {

template <int W, bool chance>
void choose_each(std::vector<Flow>& flows, const Smooth& smooth, const std::vector<double>& sizes, const std::vector<double>& paces) {
    Sold sold;
    Trials<W, chance> trials;
    for (Flow& flow : flows) {
        sold.find<W>(flow.x, flow.n);
        if (flow.method == Method::open) flow.method = sold.is_smooth<W>(smooth) ? Method::croston : Method::sba;
        if (sold.demands)
            choose_for(flow, sold, sizes, paces, trials);
        else
            flow.by = {sizes.front(), paces.front()}, flow.at.gap = sold.after;
    }
}

}  // namespace

template <int W>
void choose(std::vector<Flow>& flows, const Smooth& smooth, const std::vector<double>& sizes, const std::vector<double>& paces) {
    const auto given = [](const Flow& flow) { return flow.method != Method::open; };
    if (sizes.size() * paces.size() == 1 && std::all_of(flows.begin(), flows.end(), given)) {
        for (Flow& flow : flows) flow.by = {sizes[0], paces[0]};
        return follow<W>(flows);
    }
    const bool chance = !flows.empty() && flows[0].method == Method::tsb;
    (chance ? &choose_each<W, true> : &choose_each<W, false>)(flows, smooth, sizes, paces);
}

template <int W>
Index finite(const double* x, Index n) {
    Sums<W> known;
    over_values<W>(x, n, [&](Lanes<W>, Mask<W> there, Mask<W>, Index part) { known.parts[part] += select(there, Lanes<W>(1.0), Lanes<W>(0.0)); });
    return static_cast<Index>(known.total());
}

template <int W>
Bucket smoothed(const double* x, Index n, const double* weights, double& alpha) {
    constexpr int vectors = weights_tried / W;
    Lanes<W> weight[vectors], level[vectors], error[vectors];
    alpha = weights[0];
    if (n == 0) return {};
    for (int v = 0; v < vectors; ++v) weight[v] = Lanes<W>::load(weights + v * W), level[v] = x[0], error[v] = 0.0;
    for (Index t = 0; t < n; ++t)
        for (int v = 0; v < vectors; ++v) {
            const Lanes<W> off = Lanes<W>(x[t]) - level[v];
            error[v] += off * off;
            level[v] += weight[v] * off;
        }
    double errors[weights_tried];
    for (int v = 0; v < vectors; ++v) error[v].store(errors + v * W);
    int least = 0;
    for (int c = 1; c < weights_tried; ++c) least = errors[c] < errors[least] ? c : least;
    alpha = weights[least];
    return {level[least / W][least % W], 0, 0, static_cast<double>(n)};
}

template void follow<FORECASTER_LANES>(std::vector<Flow>&);
template void choose<FORECASTER_LANES>(std::vector<Flow>&, const Smooth&, const std::vector<double>&, const std::vector<double>&);
template Pattern pattern<FORECASTER_LANES>(const double*, Index);
template Bucket smoothed<FORECASTER_LANES>(const double*, Index, const double*, double&);
template Index finite<FORECASTER_LANES>(const double*, Index);

}  // namespace forecaster

// Demand with many zeros. A missing value is left out: neither demand nor the time between demands hears of it.
//
// Croston (1972), "Forecasting and stock control for intermittent demands". At a demand y that comes q steps after the one before
// (the first: q steps after the start) size += a (y - size), interval += b (q - interval), both starting at the first demand;
// nothing changes in between. The rate of demand is size / interval.
// SBA: Syntetos & Boylan (2005), "The accuracy of intermittent demand estimates": (1 - b/2) size / interval, because dividing by a
// noisy interval overstates the rate. Where every interval so far was one step there is no noise and nothing to correct.
// TSB: Teunter, Syntetos & Babai (2011), "Intermittent demand: linking forecasting to inventory obsolescence": the chance of a
// demand moves at every step, chance += b (demand - chance), and the rate is size * chance, which fades once nothing is sold. It
// starts at the first demand with one over the first interval.
// ADIDA: Nikolopoulos et al. (2011), "An aggregate-disaggregate intermittent demand approach": simple exponential smoothing of the
// sums of k steps, k the mean interval; the rate is level / k. IMAPA: Petropoulos & Kourentzes (2015), "Forecast combinations for
// intermittent demand": the mean of that over k = 1 .. mean interval.
//
// A step of these recursions is a handful of instructions, each waiting for the one before, and whether there is a demand cannot be
// guessed. So W series go side by side, one per lane, without branches; a series that has ended goes on with missing values. ADIDA and
// IMAPA have one smoothing weight per lane instead, and so has the choice of weights, which looks at demands only.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace forecaster {

using Index = std::int64_t;

enum class Method : Index { croston, sba, tsb, open };  // open: one of the first two

struct Smoothing {
    double size, pace;  // a, b
};

// The state of Croston, SBA and TSB; all zeros before the first value.
struct Demand {
    double size = 0;
    double pace = 0;  // mean interval, or chance of a demand
    double gap = 0;   // steps since the last demand
    double seen = 0;  // demands so far
};

inline double rate_of(const Demand& at, Method method, Smoothing by) {
    if (at.seen == 0) return at.gap > 0 ? 0.0 : std::numeric_limits<double>::quiet_NaN();
    if (method == Method::tsb) return at.size * at.pace;
    return at.size / at.pace * (method == Method::sba && at.pace != 1 ? 1 - by.pace / 2 : 1.0);
}

// One series: its values, its weights, where it stands, and where its forecasts from the values before each go, if anywhere.
struct Flow {
    const double* x = nullptr;
    Index n = 0;
    Method method = Method::croston;
    Smoothing by = {0, 0};
    Demand at = {};
    double* said = nullptr;
};

// Moves series on over their values; either all of them are TSB or none is.
template <int W>
void follow(std::vector<Flow>& flows);

// What Syntetos, Boylan & Croston (2005), "On the categorization of demand patterns", look at.
struct Pattern {
    double observed = 0;                                          // values
    double interval = std::numeric_limits<double>::quiet_NaN();   // mean steps between demands (ADI)
    double variation = std::numeric_limits<double>::quiet_NaN();  // squared coefficient of variation of the sizes (CV2)
};

template <int W>
Pattern pattern(const double* x, Index n);

// Up to there demand is smooth, and Croston's method is best; else SBA.
struct Smooth {
    double interval, variation;
};

// Of all pairs of these weights the one with the least squared error one step ahead from the first demand on, the first where none is
// least; and where each series, from its start, then stands. An open method becomes the one that the pattern calls for.
template <int W>
void choose(std::vector<Flow>& flows, const Smooth& smooth, const std::vector<double>& sizes, const std::vector<double>& paces);

// Simple exponential smoothing of the sums of `size` steps; all zeros before the first value.
struct Bucket {
    double level = 0;
    double sum = 0;     // of the bucket that is not full yet
    double filled = 0;  // values in it; below zero as long as that many values belong to no bucket
    double full = 0;    // full buckets so far
    void push(double y, double size, double alpha) {
        if (++filled <= 0) return;
        sum += y;
        if (filled < size) return;
        level = full > 0 ? level + alpha * (sum - level) : sum;
        full += 1;
        sum = filled = 0;
    }
};

constexpr int weights_tried = 32;

// The one of `weights_tried` weights with the least squared error one step ahead.
template <int W>
Bucket smoothed(const double* x, Index n, const double* weights, double& alpha);

template <int W>
Index finite(const double* x, Index n);

// The sums of `size` values each, newest bucket full: what is left over lies at the start.
inline void sums(const double* x, Index n, Index size, std::vector<double>& out) {
    out.resize(n / size);
    const double* from = x + n % size;
    for (double& sum : out) {
        sum = from[0];
        for (Index j = 1; j < size; ++j) sum += from[j];
        from += size;
    }
}

}  // namespace forecaster

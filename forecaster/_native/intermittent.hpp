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
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace forecaster {

using Index = std::int64_t;

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

struct Croston {
    static void push(Demand& at, double y, Smoothing by) {
        at.gap += 1;
        if (y == 0) return;
        at.size = at.seen > 0 ? at.size + by.size * (y - at.size) : y;
        at.pace = at.seen > 0 ? at.pace + by.pace * (at.gap - at.pace) : at.gap;
        at.gap = 0;
        at.seen += 1;
    }
    static double rate(const Demand& at, Smoothing) { return at.seen > 0 ? at.size / at.pace : 0.0; }
};

struct SBA : Croston {
    static double rate(const Demand& at, Smoothing by) { return Croston::rate(at, by) * (at.pace == 1 ? 1.0 : 1 - by.pace / 2); }
};

struct TSB {
    static void push(Demand& at, double y, Smoothing by) {
        const bool first = at.seen == 0;
        at.gap += 1;
        if (!first) at.pace += by.pace * ((y != 0) - at.pace);
        if (y == 0) return;
        at.size = first ? y : at.size + by.size * (y - at.size);
        at.pace = first ? 1 / at.gap : at.pace;
        at.gap = 0;
        at.seen += 1;
    }
    static double rate(const Demand& at, Smoothing) { return at.size * at.pace; }
};

template <class Method>
void follow(const double* x, Index n, Smoothing by, Demand& at) {
    for (Index i = 0; i < n; ++i)
        if (std::isfinite(x[i])) Method::push(at, x[i], by);
}

// Sum of squares of the errors one step ahead, from the first demand on.
template <class Method>
double squared_error(const double* x, Index n, Smoothing by) {
    Demand at;
    double sum = 0;
    for (Index i = 0; i < n; ++i) {
        if (!std::isfinite(x[i])) continue;
        const double error = at.seen > 0 ? x[i] - Method::rate(at, by) : 0.0;
        sum += error * error;
        Method::push(at, x[i], by);
    }
    return sum;
}

template <class Method>
Smoothing best(const double* x, Index n, const std::vector<Smoothing>& candidates) {
    Smoothing chosen = candidates.front();
    double least = std::numeric_limits<double>::infinity();
    for (const Smoothing& by : candidates) {
        const double error = candidates.size() > 1 ? squared_error<Method>(x, n, by) : 0.0;
        if (error < least) {
            least = error;
            chosen = by;
        }
    }
    return chosen;
}

// Calls visit.operator()<Method>() with the method of that number.
template <class Visit>
auto with_method(Index method, Visit visit) {
    switch (method) {
        case 0: return visit.template operator()<Croston>();
        case 1: return visit.template operator()<SBA>();
        default: return visit.template operator()<TSB>();
    }
}

// What Syntetos, Boylan & Croston (2005), "On the categorization of demand patterns", look at.
struct Pattern {
    double observed = 0;                                             // values
    double interval = std::numeric_limits<double>::quiet_NaN();      // mean steps between demands (ADI)
    double variation = std::numeric_limits<double>::quiet_NaN();     // squared coefficient of variation of the sizes (CV2)
};

inline Pattern pattern(const double* x, Index n) {
    Pattern out;
    double demands = 0, last = 0, mean = 0, square = 0;
    for (Index i = 0; i < n; ++i) {
        if (!std::isfinite(x[i])) continue;
        out.observed += 1;
        if (x[i] == 0) continue;
        demands += 1;
        last = out.observed;
        const double off = x[i] - mean;
        mean += off / demands;
        square += off * (x[i] - mean);
    }
    if (demands == 0) return out;
    out.interval = last / demands;
    out.variation = square / demands / (mean * mean);
    return out;
}

// Simple exponential smoothing of the sums of `size` steps; all zeros before the first value.
struct Bucket {
    double level = 0;
    double sum = 0;     // of the bucket that is not full yet
    double filled = 0;  // values in it
    double full = 0;    // full buckets so far
    void push(double y, double size, double alpha) {
        sum += y;
        if (++filled < size) return;
        level = full > 0 ? level + alpha * (sum - level) : sum;
        full += 1;
        sum = filled = 0;
    }
};

// The weight in [low, high] with the least squared error one step ahead: eight candidates side by side, the range around the best
// one searched again.
inline double best_alpha(const std::vector<double>& x, double low, double high) {
    constexpr int candidates = 8, rounds = 4;
    double alpha[candidates], level[candidates], error[candidates], from = low, to = high;
    int least = 0;
    for (int round = 0; round < rounds; ++round) {
        for (int c = 0; c < candidates; ++c) {
            alpha[c] = from + (to - from) * c / (candidates - 1);
            level[c] = x.empty() ? 0.0 : x[0];
            error[c] = 0;
        }
        for (const double y : x)
            for (int c = 0; c < candidates; ++c) {
                const double off = y - level[c];
                error[c] += off * off;
                level[c] += alpha[c] * off;
            }
        least = static_cast<int>(std::min_element(error, error + candidates) - error);
        const double step = (to - from) / (candidates - 1);
        from = std::max(low, alpha[least] - step);
        to = std::min(high, alpha[least] + step);
    }
    return alpha[least];
}

// The sums of `size` values each, newest bucket full: what is left over lies at the start.
inline void sums(const std::vector<double>& x, Index size, std::vector<double>& out) {
    out.clear();
    for (Index i = static_cast<Index>(x.size()) % size; i < static_cast<Index>(x.size()); i += size) {
        double sum = 0;
        for (Index j = i; j < i + size; ++j) sum += x[j];
        out.push_back(sum);
    }
}

inline Bucket smoothed(const std::vector<double>& x, double alpha) {
    Bucket out;
    for (const double sum : x) out.push(sum, 1, alpha);
    return out;
}

}  // namespace forecaster

// Look-back features of one series: row r knows the values up to and including r.
#pragma once

#include <algorithm>
#include <iterator>
#include <queue>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "parallel.hpp"
#include "parts.hpp"

namespace forecaster {

enum class Stat { lag, mean, std, min, max, sum, median, ewm, ewm_std, since };

inline Stat stat_of(const std::string& name) {
    static constexpr const char* names[] = {"lag", "mean", "std", "min", "max", "sum", "median", "ewm", "ewm_std", "since"};
    for (int i = 0; i < static_cast<int>(std::size(names)); ++i)
        if (name == names[i]) return static_cast<Stat>(i);
    throw std::invalid_argument("no statistic is called '" + name + "'");
}

// One column: a statistic over the last `window` values that lie `stride` rows apart; window 0 = all values so far.
struct Op {
    Stat stat;
    Index window, stride;
    double least;  // fewest observed values for a number
    double alpha;
    bool folds() const { return window == 0; }
};

// Where one column of the output goes.
struct Column {
    float* at;
    Index step;
    float& operator[](Index i) const { return at[i * step]; }
    Column from(Index first, Index stride) const { return {at + first * step, step * stride}; }
};

// Every stride-th value of a series.
struct Strided {
    const double* at;
    Index stride, size;
    double operator[](Index i) const { return at[i * stride]; }
};

inline float shown(double n, double least, double value) { return static_cast<float>(n < least ? missing : value); }

template <class Part>
Part fresh(const Op& op) {
    Part part;
    if constexpr (std::is_base_of_v<Ewm, Part>) part.alpha = op.alpha;
    return part;
}

template <class Part>
void fold(Strided x, const Op& op, Part& part, Column out) {
    for (Index i = 0; i < x.size; ++i) {
        part.push(x[i]);
        out[i] = shown(part.n, op.least, part.value());
    }
}

// Windows by blocks of `window` values: the window that ends in a block is the tail of the block before it (`tails`) and the
// head of this one, so three steps per value suffice for any size, and the result never depends on values outside the window.
template <class Part>
void roll(Strided x, const Op& op, Column out, std::vector<Part>& tails) {
    const Index w = op.window;
    const Index kept = std::min(w, x.size);
    tails.assign(kept + 1, Part{});
    for (Index begin = 0; begin < x.size; begin += w) {
        const Index end = std::min(begin + w, x.size);
        Part head;
        for (Index i = begin; i < end; ++i) {
            head.push(x[i]);
            Part window = head;
            window.absorb(tails[std::min(i - begin + 1, kept)]);
            out[i] = shown(window.n, op.least, window.value());
        }
        if (end == x.size) return;
        Part tail;
        for (Index j = w - 1; j > 0; --j) {
            tail.push(x[begin + j]);
            tails[j] = tail;
        }
    }
}

// The middle of sorted values.
inline double middle(const double* sorted, Index n) {
    if (n == 0) return missing;
    const double upper = sorted[n / 2];
    return n % 2 ? upper : 0.5 * upper + 0.5 * sorted[n / 2 - 1];
}

// The window kept sorted; moving a few hundred neighbouring numbers costs less than any tree.
inline void roll_median(Strided x, const Op& op, Column out, std::vector<double>& sorted) {
    sorted.clear();
    for (Index i = 0; i < x.size; ++i) {
        if (i >= op.window && x[i - op.window] == x[i - op.window])
            sorted.erase(std::lower_bound(sorted.begin(), sorted.end(), x[i - op.window]));
        if (x[i] == x[i]) sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), x[i]), x[i]);
        const Index n = static_cast<Index>(sorted.size());
        out[i] = shown(static_cast<double>(n), op.least, middle(sorted.data(), n));
    }
}

// All values so far in two heaps: the lower half with its largest on top, the upper half with its smallest.
inline void fold_median(Strided x, const Op& op, Column out) {
    std::priority_queue<double> lower;
    std::priority_queue<double, std::vector<double>, std::greater<>> upper;
    for (Index i = 0; i < x.size; ++i) {
        if (x[i] == x[i]) {
            lower.push(x[i]);
            upper.push(lower.top());
            lower.pop();
            if (upper.size() > lower.size()) {
                lower.push(upper.top());
                upper.pop();
            }
        }
        const double n = static_cast<double>(lower.size() + upper.size());
        const double value = n == 0 ? missing : lower.size() > upper.size() ? lower.top() : 0.5 * lower.top() + 0.5 * upper.top();
        out[i] = shown(n, op.least, value);
    }
}

inline void lag(Strided x, const Op& op, Column out) {
    const Index back = std::min(op.window - 1, x.size);
    for (Index i = 0; i < back; ++i) out[i] = static_cast<float>(missing);
    for (Index i = back; i < x.size; ++i) out[i] = static_cast<float>(x[i - back]);
}

// Calls visit.operator()<Part>() with the part that the statistic is made of.
template <class Visit>
void with_part(Stat stat, Visit visit) {
    switch (stat) {
        case Stat::mean: return visit.template operator()<Mean>();
        case Stat::std: return visit.template operator()<Std>();
        case Stat::min: return visit.template operator()<Min>();
        case Stat::max: return visit.template operator()<Max>();
        case Stat::sum: return visit.template operator()<Sum>();
        case Stat::ewm: return visit.template operator()<Ewm>();
        case Stat::ewm_std: return visit.template operator()<EwmStd>();
        case Stat::since: return visit.template operator()<Since>();
        default: throw std::invalid_argument("this statistic cannot be carried on step by step");
    }
}

inline void all_so_far(Strided x, const Op& op, Column out) {
    if (op.stat == Stat::median) return fold_median(x, op, out);
    with_part(op.stat, [&]<class Part>() {
        Part part = fresh<Part>(op);
        fold(x, op, part, out);
    });
}

inline void last_values(Strided x, const Op& op, Column out) {
    if (op.stat == Stat::lag) return lag(x, op, out);
    if (op.stat == Stat::median) {
        thread_local std::vector<double> sorted;
        return roll_median(x, op, out, sorted);
    }
    with_part(op.stat, [&]<class Part>() {
        if constexpr (!std::is_base_of_v<Ewm, Part> && !std::is_same_v<Part, Since>) {
            thread_local std::vector<Part> tails;
            roll(x, op, out, tails);
        }
    });
}

// One column of one series.
inline void column(const double* x, Index n, const Op& op, Column out) {
    if (op.folds()) return all_so_far({x, 1, n}, op, out);
    for (Index phase = 0; phase < std::min(op.stat == Stat::lag ? 1 : op.stride, n); ++phase) {
        const Index stride = op.stat == Stat::lag ? 1 : op.stride;
        last_values({x + phase, stride, (n - phase + stride - 1) / stride}, op, out.from(phase, stride));
    }
}

// The same column at the last row alone.
inline float tip(const double* x, Index n, const Op& op) {
    const auto back = [&](Index k) { return n - 1 - k * op.stride; };
    if (op.stat == Stat::lag) return back(op.window - 1) < 0 ? static_cast<float>(missing) : static_cast<float>(x[back(op.window - 1)]);
    Index oldest = op.window - 1;
    while (oldest >= 0 && back(oldest) < 0) --oldest;
    if (op.stat == Stat::median) {
        thread_local std::vector<double> seen;
        seen.clear();
        for (Index k = oldest; k >= 0; --k)
            if (x[back(k)] == x[back(k)]) seen.push_back(x[back(k)]);
        std::sort(seen.begin(), seen.end());
        const Index count = static_cast<Index>(seen.size());
        return shown(static_cast<double>(count), op.least, middle(seen.data(), count));
    }
    float answer = 0;
    with_part(op.stat, [&]<class Part>() {
        Part part = fresh<Part>(op);
        for (Index k = oldest; k >= 0; --k) part.push(x[back(k)]);
        answer = shown(part.n, op.least, part.value());
    });
    return answer;
}

}  // namespace forecaster

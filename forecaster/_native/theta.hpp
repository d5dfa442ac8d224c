// The Theta method as a state-space model: Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), "Models for optimising the
// theta method and their relationship to state space models".
//
//     y_t = mu_t + e_t                                        k = 1 - 1/theta
//     mu_t = l_{t-1} + k g_t                                  g_t = (1-a)^(t-1) A_{t-1} + (1 - (1-a)^t)/a B_{t-1}
//     l_t = a y_t + (1-a) l_{t-1}
//
// A_t, B_t: intercept and slope of the regression of the values up to t on time, A_0 = y_1; in the static forms that of all values.
//
//     form   theta       A, B
//     STM    2           static        the standard theta method
//     OTM    optimised   static
//     DSTM   2           dynamic
//     DOTM   optimised   dynamic
//
// Where y_t is missing, l_t = a mu_t + (1-a) l_{t-1}, and the regression does not move; a step ahead is y_t = mu_t. Given a, e_t is
// linear in l_0 and k: with S, P, K (all zero but P_0 = 1) moved by
//
//     observed:  S += a (y - S)   P *= 1-a   K *= 1-a         missing:   K += a g
//     e_t = y_t - S_{t-1} - P_{t-1} l_0 - k (K_{t-1} + g_t)
//
// so both come out of 2 x 2 normal equations and only a is searched for, eight values at a time. The first three errors do not
// count. Variance h steps ahead: sigma^2 (1 + (h-1) a^2), that of simple exponential smoothing;
// missing values at the end count as steps ahead.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace forecaster {

using Index = std::int64_t;

enum class Form : Index { stm, otm, dstm, dotm };

constexpr bool is_dynamic(Form form) { return form == Form::dstm || form == Form::dotm; }
constexpr bool is_optimised(Form form) { return form == Form::otm || form == Form::dotm; }

// The regression of the values so far on time; before the first value it is flat at `mean`.
struct Line {
    double n = 0, time = 0, mean = 0, tt = 0, ty = 0;  // means of both, sums of squares and products about them
    void push(double t, double y) {
        n += 1;
        const double off = t - time, share = 1 / n;  // a division of the means would have to wait for the means
        time += off * share;
        mean += (y - mean) * share;
        tt += off * (t - time);
        ty += off * (y - mean);
    }
    double slope() const { return tt > 0 ? ty / tt : 0.0; }
    double intercept() const { return mean - slope() * time; }
};

// What the search is given: values without season, NaN where missing, and A, B as known before each.
struct Sight {
    const double *y, *intercept, *slope;
    Index n, skip;
    bool optimised;
};

struct Found {
    double squares = std::numeric_limits<double>::infinity();
    double alpha = 0, level = 0, k = 0;  // level: l_0
};

// The a with the least sum of squares, W lanes at a time.
template <int W>
Found search(const Sight& sight);

}  // namespace forecaster

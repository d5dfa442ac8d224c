// A model that the search fits, and the points that its fit may start from.
#pragma once

#include <algorithm>
#include <array>
#include <limits>

#include "arima.hpp"

namespace forecaster::arima {

constexpr double infinite = std::numeric_limits<double>::infinity();
using Point = std::array<double, most_parameters>;

struct Candidate {
    Orders orders;
    Point x{};
    double criterion = infinite;  // AICc, or infinite where the model is rejected
    double deviance = infinite;
};

// Partial autocorrelations to start from: a share of those of `from`, and small ones of opposite signs where it has none, because
// AR and MA parts that start alike cancel.
struct Start {
    double ar, ma;                // share of the AR and MA parts that is kept
    std::array<double, 4> fresh;  // new ones: AR, MA, seasonal AR, seasonal MA
};
constexpr std::array<Start, 8> starts{{{1.0, 1.0, {0.1, -0.1, 0.1, -0.05}},
                                       {1.0, 1.0, {-0.1, 0.1, -0.1, 0.3}},
                                       {0.8, 0.8, {-0.3, 0.3, 0.4, -0.2}},
                                       {1.0, 0.0, {0.1, -0.1, 0.1, 0.3}},
                                       {0.0, 1.0, {0.1, -0.1, 0.1, 0.3}},
                                       {0.0, 0.0, {0.1, -0.1, 0.1, 0.3}},
                                       {0.0, 0.0, {-0.3, 0.3, 0.4, -0.2}},
                                       {0.5, 0.5, {0.4, 0.2, 0.2, 0.2}}}};

inline void warm(const Candidate& from, const Orders& orders, const Start& start, double* x) {
    const int have[] = {from.orders.p, from.orders.q, from.orders.P, from.orders.Q}, want[] = {orders.p, orders.q, orders.P, orders.Q};
    const double* old = from.x.data();
    for (int factor = 0; factor < 4; ++factor) {
        const double share = factor % 2 ? start.ma : start.ar;
        for (int i = 0; i < want[factor]; ++i) *x++ = std::clamp(i < have[factor] && share > 0 ? share * old[i] : start.fresh[factor], -0.97, 0.97);
        old += have[factor];
    }
}

}  // namespace forecaster::arima

// What Prophet's own simulation of the future tends to, without simulating: the distribution of
//
//     X = r D + e,    e standard normal,    D = sum over changes of a Laplace(1) draw times the share of the way ahead that is left after it
//
// with `changes` (on average) changes, at times that are uniform over the way ahead (a Poisson process). Its characteristic function is
//
//     phi(u) = exp(changes (atan(r u) / (r u) - 1) - u^2 / 2)
//
// and F(x) = 1/2 + 1/pi int_0^inf sin(u x) phi(u) / u du (Gil-Pelaez 1951) is summed by the midpoint rule, whose error is no more than the
// probability beyond its period: the period comes from Chernoff's bound on the tail.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace forecaster {

class Spread {
  public:
    // `reach` is r. Beyond `most` the normal part is drowned: it is taken as wide as reach / most instead of 1. The sum of `many` changes
    // is as good as normal: its excess kurtosis is below 11 / many.
    void set(double changes, double reach) {
        constexpr double most = 100, many = 2000;
        unit_ = 1;
        if (!(changes > 0) || !(reach > 1e-6)) changes = 0, reach = 0;
        if (changes > many) unit_ = deviation(changes, reach), changes = 0, reach = 0;
        if (reach > most) unit_ = reach / most, reach = most;
        deviation_ = deviation(changes, reach);
        edge_ = edge(changes, reach);
        step_ = pi / edge_;
        weights_.clear();
        for (double u = 0.5 * step_;; u += step_) {
            const double bend = reach > 0 ? changes * (std::atan(reach * u) / (reach * u) - 1) : 0.0;
            const double power = bend - 0.5 * u * u;
            if (power < -tail) return;
            weights_.push_back(std::exp(power));
        }
    }

    double quantile(double level) const {
        if (level == 0.5) return 0;
        const double upper = std::max(level, 1 - level);
        double low = 0, high = edge_, x = std::min(normal(upper) * deviation_, 0.9 * edge_);
        for (int round = 0; round < 60; ++round) {
            const auto [below, density] = at(x);
            (below < upper ? low : high) = x;
            double next = x + (upper - below) / density;
            if (!(next > low && next < high)) next = 0.5 * (low + high);
            if (std::fabs(next - x) < 1e-9 * (1 + x)) break;
            x = next;
        }
        return level < 0.5 ? -x * unit_ : x * unit_;
    }

  private:
    static constexpr double pi = 3.14159265358979323846, tail = 19;

    static double deviation(double changes, double reach) { return std::sqrt(1 + changes * reach * reach * 2 / 3); }

    struct Point {
        double below, density;
    };

    Point at(double x) const {
        const double c1 = std::cos(step_ * x), s1 = std::sin(step_ * x);
        double c = std::cos(0.5 * step_ * x), s = std::sin(0.5 * step_ * x), below = 0, density = 0, k = 0.5;
        for (double weight : weights_) {
            below += weight * s / k;
            density += weight * c;
            const double turned = c * c1 - s * s1;
            s = s * c1 + c * s1;
            c = turned;
            k += 1;
        }
        return {0.5 + below / pi, density * step_ / pi};
    }

    // Where the probability beyond is less than exp(-tail).
    static double edge(double changes, double reach) {
        const double largest = reach > 0 ? std::min(1 / reach, 8.0) : 8.0;
        double best = 1e300;
        for (int i = 1; i < 20; ++i) {
            const double s = largest * i / 20, sr = s * reach;
            const double cumulant = s * s / 2 + (sr > 0 ? changes * (std::atanh(sr) / sr - 1) : 0.0);
            best = std::min(best, (cumulant + tail) / s);
        }
        return best;
    }

    // Normal quantile above the middle (Abramowitz & Stegun 26.2.23), good enough to start from.
    static double normal(double level) {
        const double t = std::sqrt(-2 * std::log(1 - level));
        return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    }

    double unit_ = 1, deviation_ = 1, edge_ = 1, step_ = 1;
    std::vector<double> weights_;
};

}  // namespace forecaster

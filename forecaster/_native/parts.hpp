// What is known about a set of values: a few numbers that grow by one value (`push`) or by another set (`absorb`).
// Nothing is ever taken out of a part. A sliding window is glued from two parts (see windows.hpp), so a value that left
// the window leaves no rounding error behind, and a missing value (NaN) is simply never counted.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace forecaster {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr int part_width = 4;  // numbers that hold any part

struct Sum {
    double n = 0, sum = 0;
    void push(double x) {
        const bool seen = x == x;
        n += seen;
        sum += seen ? x : 0.0;
    }
    void absorb(const Sum& other) {
        n += other.n;
        sum += other.sum;
    }
    double value() const { return sum; }
};

struct Mean : Sum {
    double value() const { return sum / n; }
};

struct Min {
    double n = 0, least = std::numeric_limits<double>::infinity();
    void push(double x) {
        n += x == x;
        least = x < least ? x : least;
    }
    void absorb(const Min& other) {
        n += other.n;
        least = other.least < least ? other.least : least;
    }
    double value() const { return least; }
};

struct Max {
    double n = 0, most = -std::numeric_limits<double>::infinity();
    void push(double x) {
        n += x == x;
        most = x > most ? x : most;
    }
    void absorb(const Max& other) {
        n += other.n;
        most = other.most > most ? other.most : most;
    }
    double value() const { return most; }
};

// Sums about a pivot that is itself one of the values: then (mean - pivot)^2 is at most their M2, and the subtraction in
// `value` loses about a factor n of the precision, however far the values lie from zero.
struct Std {
    double n = 0, pivot = 0, first = 0, second = 0;
    void push(double x) {
        if (x != x) return;
        if (n == 0) pivot = x;
        const double d = x - pivot;
        n += 1;
        first += d;
        second += d * d;
    }
    void absorb(const Std& other) {
        if (other.n == 0) return;
        if (n == 0) pivot = other.pivot;
        const double d = other.pivot - pivot;
        second += other.second + d * (2 * other.first + d * other.n);
        first += other.first + d * other.n;
        n += other.n;
    }
    double value() const { return n < 2 ? missing : std::sqrt(std::fmax(second - first * first / n, 0.0) / (n - 1)); }
};

// Exponentially weighted mean: the first value, then level += alpha (x - level); a missing value leaves it as it is.
struct Ewm {
    double n = 0, level = 0, alpha = 0;
    void push(double x) {
        if (x != x) return;
        level = n == 0 ? x : level + alpha * (x - level);
        n += 1;
    }
    double value() const { return level; }
};

// Exponentially weighted deviation from the mean above, of a population (West 1979).
struct EwmStd : Ewm {
    double squares = 0;
    void push(double x) {
        if (x != x) return;
        const double d = n == 0 ? 0.0 : x - level;
        squares = (1 - alpha) * (squares + alpha * d * d);
        Ewm::push(x);
    }
    double value() const { return n < 2 ? missing : std::sqrt(squares); }
};

// Steps since the last value that is neither zero nor missing.
struct Since {
    double n = 0, steps = 0;
    void push(double x) {
        if (x == x && x != 0) {
            n += 1;
            steps = 0;
        } else {
            steps += 1;
        }
    }
    double value() const { return steps; }
};

}  // namespace forecaster

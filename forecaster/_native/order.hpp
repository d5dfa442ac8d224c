// Order statistics of many numbers, a few ranks at a time: the numbers are put into buckets of equal width once, and a rank sorts its
// bucket only.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.hpp"

namespace forecaster {

class Order {
  public:
    void set(const double* values, Index n) {
        const auto [least, most] = std::minmax_element(values, values + n);
        const double low = *least, scale = n / (*most - *least);
        starts_.assign(n + 2, 0), sorted_.resize(n), done_.assign(n, false);
        // What is not a number, and all of them where they are alike, go into the first bucket.
        const auto bucket = [&](double x) { return (x - low) * scale > 0 ? static_cast<Index>(std::min((x - low) * scale, n - 1.0)) : 0; };
        for (Index i = 0; i < n; ++i) ++starts_[bucket(values[i]) + 2];
        for (Index b = 2; b < n + 2; ++b) starts_[b] += starts_[b - 1];
        for (Index i = 0; i < n; ++i) sorted_[starts_[bucket(values[i]) + 1]++] = values[i];
    }

    // The number that `rank` others (from 0) are no larger than.
    double at(Index rank) {
        const Index b = std::upper_bound(starts_.begin(), starts_.end() - 1, rank) - starts_.begin() - 1;
        if (!done_[b]) std::sort(sorted_.begin() + starts_[b], sorted_.begin() + starts_[b + 1]);
        done_[b] = true;
        return sorted_[rank];
    }

    // By linear interpolation between two of them, as NumPy has it.
    double quantile(double level) {
        const double place = level * static_cast<double>(sorted_.size() - 1);
        const Index below = static_cast<Index>(place), above = std::min(below + 1, static_cast<Index>(sorted_.size()) - 1);
        return at(below) + (place - std::floor(place)) * (at(above) - at(below));
    }

  private:
    std::vector<Index> starts_;  // of the buckets
    std::vector<double> sorted_;
    std::vector<bool> done_;
};

}  // namespace forecaster

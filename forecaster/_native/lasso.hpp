// Least squares with an absolute penalty on few unknowns, solved exactly:
//
//     min  d'Hd / 2 - c'd + lambda sum |d_i|
//
// by following one orthant after another (Lee, Battle, Raina, Ng 2007, "Efficient sparse coding algorithms", without their line search):
// the unknown whose gradient exceeds lambda most becomes free; the free ones move to the minimum of their orthant, and one that
// would change its sign on the way stops at zero and is held there. The criterion falls with every step, so the walk ends.
#pragma once

#include <cmath>

#include "dense.hpp"

namespace forecaster {

template <int W>
class Lasso {
  public:
    // H and c are the last `n` rows of a system (c in its last column). d holds the start and then the solution.
    void solve(const Matrix& system, Index first, double lambda, double* d) {
        system_ = &system, first_ = first, n_ = system.rows - first, lambda_ = lambda;
        free_.clear();
        for (Index i = 0; i < n_; ++i)
            if (d[i] != 0) free_.push_back(i);
        for (Index step = 0; step < 20 * n_ + 20; ++step) {
            while (!free_.empty() && !settle(d)) continue;
            if (!release(d)) return;
        }
    }

  private:
    double h(Index i, Index j) const { return i <= j ? (*system_)[first_ + i][first_ + j] : (*system_)[first_ + j][first_ + i]; }
    double c(Index i) const { return (*system_)[first_ + i][system_->columns - 1]; }

    // Moves the free unknowns to the minimum of their orthant; false if one hit zero before, which is free no longer.
    bool settle(double* d) {
        const Index k = static_cast<Index>(free_.size());
        small_.shape(k, k + 1);
        for (Index i = 0; i < k; ++i) {
            for (Index j = i; j < k; ++j) small_[i][j] = h(free_[i], free_[j]);
            // A hair of ridge, so that changepoints that no value tells apart do not blow up.
            small_[i][i] += 1e-13 * h(free_[i], free_[i]);
            const double side = d[free_[i]] != 0 ? d[free_[i]] : sign_of_new_;
            small_[i][k] = c(free_[i]) - (side > 0 ? lambda_ : -lambda_);
        }
        eliminate<W>(small_, k);
        target_.assign(k, 0.0);
        substitute(small_, target_.data(), k);
        return walk(d);
    }

    bool walk(double* d) {
        double share = 1.0;
        Index blocked = -1;
        for (Index i = 0; i < static_cast<Index>(free_.size()); ++i) {
            const double from = d[free_[i]], to = target_[i];
            const bool stays = from > 0 ? to > 0 : from < 0 ? to < 0 : to * sign_of_new_ > 0;
            if (stays) continue;
            const double reach = from == to ? 0.0 : from / (from - to);
            if (reach < share || blocked < 0) share = std::min(share, reach), blocked = i;
        }
        for (Index i = 0; i < static_cast<Index>(free_.size()); ++i) d[free_[i]] += share * (target_[i] - d[free_[i]]);
        if (blocked < 0) return true;
        d[free_[blocked]] = 0.0;
        free_.erase(free_.begin() + blocked);
        return false;
    }

    // Frees the unknown at zero whose gradient exceeds lambda most; false if none does.
    bool release(const double* d) {
        double most = lambda_ * (1 + 1e-10);
        Index chosen = -1;
        for (Index i = 0; i < n_; ++i) {
            if (d[i] != 0) continue;
            double gradient = c(i);
            for (Index j : free_) gradient -= h(i, j) * d[j];
            if (std::fabs(gradient) > most) most = std::fabs(gradient), chosen = i, sign_of_new_ = gradient > 0 ? 1.0 : -1.0;
        }
        if (chosen >= 0) free_.push_back(chosen);
        return chosen >= 0;
    }

    const Matrix* system_ = nullptr;
    Index first_ = 0, n_ = 0;
    double lambda_ = 0, sign_of_new_ = 0;
    std::vector<Index> free_;
    Matrix small_;
    std::vector<double> target_;
};

}  // namespace forecaster

// Levenberg-Marquardt in lanes: least squares in a box, where one pass over the series runs W parameter vectors at once.
//
// Lane 0 is the current point x, every further lane x + h e_i: value and Jacobian come out of the same pass. Where there are
// more than W - 1 parameters, further passes shift W parameters each, and only once the point is accepted.
//
//     (J'J + lambda diag) dx = -J'e          Levenberg (1944), Marquardt (1963)
//
// Box: parameters at a bound whose gradient points outwards are frozen. A step that crosses a bound is not clipped, which
// would spoil the descent: that parameter goes to its bound, its effect moves to the gradient of the others, and the rest is
// solved again (an active set).
//
// The number of lanes changes no bit of a result, as long as a problem decides by lane 0 of the points around x alone: which parameters
// share a pass with x depends on W.
//
// A Problem<W> is a criterion to be minimised that falls with a sum of squares:
//
//     Index rows() const                        residuals per parameter vector
//     Lanes<W> pass(const Lanes<W>* x, Points)  run W parameter vectors (parameter i of lane l is x[i][l]); the criterion of each
//     Lanes<W> residual(Index t) const          residuals of the last pass, scaled so that the criterion is a function of their squares alone
//     double rate(double squares) const         d criterion / d sum of squares: rows / squares where the criterion is rows * log(squares)
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lanes.hpp"
#include "parallel.hpp"

namespace forecaster {

// How the parameter vectors of a pass belong together.
enum class Points {
    around,  // x in lane 0, beside it x with one parameter shifted
    beside,  // the same x with further parameters shifted, one in each lane
    apart,   // they do not
};

struct Fitting {
    double tolerance = 1e-3;  // stop when the criterion falls by less
    double step = 1e-6;       // h of the finite differences
    double longest = 0.6;     // largest change of one parameter at a time
    double shortest = 1e-6;   // stop when no parameter changes by more
    double abandon_above = std::numeric_limits<double>::infinity();  // stop early where it will stay above
    double patience = 8;      // in doing so, the rest of the way is taken to be so many times the last fall
    int passes = 30;          // steps tried at most
};

struct Fitted {
    double criterion;  // not finite where the starting point has none
    int passes;        // points tried
    bool converged;
};

template <int W>
class Levenberg {
  public:
    // Moves x (k parameters, pulled into the box first) to a minimum near it.
    template <class Problem>
    Fitted minimise(Problem& problem, double* x, const double* lower, const double* upper, int k, const Fitting& how) {
        setup(x, lower, upper, k, how, problem.rows());
        Fitted fit{value(problem, x), 1, k == 0};
        if (k == 0 || !std::isfinite(fit.criterion)) return fit;
        differentiate(problem, x);
        double lambda = 1e-2;
        int small = 0;
        for (int round = 0; round < how.passes; ++round) {
            const bool bounded = propose(x, lambda);
            if (longest_move() < how.shortest) return fit.converged = true, fit;
            const double promised = predicted() * problem.rate(squares_);
            if (!(promised > 0)) {
                if ((lambda *= 10) > hopeless_) return fit;
                continue;
            }
            if (promised < how.tolerance && lambda < settled_ && !bounded) return fit.converged = true, fit;
            for (int i = 0; i < k; ++i) trial_[i] = std::clamp(x[i] + move_[i], lower[i], upper[i]);
            const double found = value(problem, trial_.data());
            ++fit.passes;
            if (!(found < fit.criterion)) {
                lambda = std::max(6 * lambda, 1e-2);
                if (lambda > hopeless_ || promised < how.tolerance) return fit.converged = promised < how.tolerance, fit;
                continue;
            }
            const double gained = fit.criterion - found;
            fit.criterion = found;
            std::copy_n(trial_.data(), k, x);
            small = gained < how.tolerance ? small + 1 : 0;
            if (small > 0 && (lambda < settled_ || small > 2)) return fit.converged = true, fit;
            if (round >= 2 && found - how.patience * std::max(gained, promised) > how.abandon_above) return fit;
            differentiate(problem, x);
            lambda = std::max(lambda * (gained > 0.75 * promised ? 0.1 : gained > 0.25 * promised ? 0.4 : 2.5), 1e-7);
        }
        return fit;
    }

    // The index of the point with the least criterion; `points` are `count` times k numbers. Looks at W points in one pass.
    template <class Problem>
    int best_start(Problem& problem, const double* points, int count, int k) {
        point_.resize(k);
        double least = std::numeric_limits<double>::infinity();
        int best = 0;
        for (int first = 0; first < count; first += W) {
            for (int i = 0; i < k; ++i)
                for (int l = 0; l < W; ++l) point_[i].set(l, points[std::min(first + l, count - 1) * k + i]);
            const Lanes<W> found = problem.pass(point_.data(), Points::apart);
            for (int l = 0; l < W; ++l)
                if (found[l] < least) least = found[l], best = std::min(first + l, count - 1);
        }
        return best;
    }

  private:
    static constexpr double hopeless_ = 1e5, settled_ = 0.05;
    int k_ = 0;
    Index rows_ = 0;
    double squares_ = 0, step_ = 0, longest_ = 0;
    const double *lower_ = nullptr, *upper_ = nullptr;
    std::vector<Lanes<W>> point_, sheet_;  // sheet: column c = 0 is the residual, c = i + 1 its change with parameter i; W columns a block
    std::vector<double> gram_, gradient_, pull_, move_, trial_;
    std::vector<double> inverse_;             // 1 / the shift of each parameter, 0 in the columns that fill the last W
    std::vector<double> curvature_, factor_;  // rows of J'J, which is half the curvature of the sum of squares, and of its factor; `stride()` apart
    std::vector<char> frozen_, held_;

    int blocks() const { return k_ / W + 1; }
    int columns() const { return blocks() * W; }
    int stride() const { return (k_ + W - 1) / W * W; }

    void setup(double* x, const double* lower, const double* upper, int k, const Fitting& how, Index rows) {
        k_ = k, rows_ = rows, lower_ = lower, upper_ = upper, step_ = how.step, longest_ = how.longest;
        for (int i = 0; i < k; ++i) x[i] = std::clamp(x[i], lower[i], upper[i]);
        point_.resize(k);
        if (blocks() > 1) sheet_.resize(static_cast<std::size_t>(rows) * blocks());
        gram_.assign(static_cast<std::size_t>(columns()) * columns() + W, 0.0);
        for (auto* of_k : {&gradient_, &pull_, &move_, &trial_}) of_k->resize(k);
        for (auto* of_kk : {&curvature_, &factor_}) of_kk->resize(static_cast<std::size_t>(k) * stride());
        inverse_.assign(stride(), 0.0);
        frozen_.resize(k), held_.resize(k);
    }

    // The finite difference goes towards the middle of the box.
    double shift(const double* x, int i) const { return x[i] - lower_[i] > upper_[i] - x[i] ? -step_ : step_; }

    template <class Problem>
    Lanes<W> run(Problem& problem, const double* x, int block) {
        for (int i = 0; i < k_; ++i) {
            point_[i] = x[i];
            if ((i + 1) / W == block) point_[i].set((i + 1) % W, x[i] + shift(x, i));
        }
        return problem.pass(point_.data(), block == 0 ? Points::around : Points::beside);
    }

    template <class Problem>
    double value(Problem& problem, const double* x) {
        return run(problem, x, 0)[0];
    }

    // Gradient and curvature at the point whose `value` was taken last.
    template <class Problem>
    void differentiate(Problem& problem, const double* x) {
        if (blocks() == 1)
            multiply_at_once<W>(problem);
        else
            multiply_blocks(problem, x);
        squares_ = gram_[0];
        for (int i = 0; i < k_; ++i) inverse_[i] = 1 / shift(x, i);
        for (int i = 0; i < k_; ++i) {
            const double* products = &gram_[static_cast<std::size_t>(i + 1) * columns()];
            for (int j = 0; j < stride(); j += W)
                (Lanes<W>::load(products + 1 + j) * Lanes<W>::load(&inverse_[j]) * Lanes<W>(inverse_[i])).store(&curvature_[i * stride() + j]);
            gradient_[i] = products[0] * inverse_[i];
            frozen_[i] = (x[i] >= upper_[i] && gradient_[i] < 0) || (x[i] <= lower_[i] && gradient_[i] > 0);
        }
    }

    template <class Problem>
    void multiply_blocks(Problem& problem, const double* x) {
        keep(problem, 0);
        for (int block = 1; block < blocks(); ++block) {
            run(problem, x, block);
            keep(problem, block);
        }
        for (int a = 0; a < blocks(); ++a)
            for (int b = a; b < blocks(); ++b) multiply(a, b);
    }

    // Where one pass has all columns, they need not be kept.
    template <int Rows, class Problem>
    void multiply_at_once(Problem& problem) {
        if constexpr (Rows > 1)
            if (k_ + 1 < Rows) return multiply_at_once<Rows - 1>(problem);
        Lanes<W> others = 1.0, sum[Rows];
        others.set(0, 0.0);
        for (auto& s : sum) s = 0.0;
        for (Index t = 0; t < rows_; ++t) {
            const Lanes<W> e = problem.residual(t), column = e - others * e[0];
            double one[W];
            column.store(one);
            for (int l = 0; l < Rows; ++l) sum[l] += Lanes<W>(one[l]) * column;
        }
        for (int l = 0; l < Rows; ++l) sum[l].store(&gram_[static_cast<std::size_t>(l) * columns()]);
    }

    template <class Problem>
    void keep(Problem& problem, int block) {
        Lanes<W>* sheet = sheet_.data() + block * rows_;
        Lanes<W> others = 1.0;
        if (block == 0) others.set(0, 0.0);
        for (Index t = 0; t < rows_; ++t) {
            const Lanes<W> e = problem.residual(t);
            const double at_x = block == 0 ? e[0] : sheet_[t][0];
            sheet[t] = e - others * at_x;
        }
    }

    void multiply(int a, int b) { multiply<W>(std::min(W, k_ + 1 - a * W), a, b); }

    template <int Rows>
    void multiply(int used, int a, int b) {
        if constexpr (Rows > 1)
            if (used < Rows) return multiply<Rows - 1>(used, a, b);
        multiply<Rows>(a, b);
    }

    // The first `Rows` columns of block a times all of block b.
    template <int Rows>
    void multiply(int a, int b) {
        const Lanes<W>*left = sheet_.data() + a * rows_, *right = sheet_.data() + b * rows_;
        Lanes<W> sum[Rows];
        for (auto& s : sum) s = 0.0;
        for (Index t = 0; t < rows_; ++t)
            for (int l = 0; l < Rows; ++l) sum[l] += Lanes<W>(left[t][l]) * right[t];
        for (int l = 0; l < Rows; ++l) sum[l].store(&gram_[static_cast<std::size_t>(a * W + l) * columns() + b * W]);
        for (int l = 0; l < Rows && a < b; ++l)
            for (int c = 0; c < W; ++c) gram_[static_cast<std::size_t>(b * W + c) * columns() + a * W + l] = sum[l][c];
    }

    // The step from x into `move_`; whether the box or the longest step held it back.
    bool propose(const double* x, double lambda) {
        bool bounded = false;
        held_ = frozen_;
        pull_ = gradient_;
        std::fill(trial_.begin(), trial_.end(), 0.0);  // how far held parameters move
        for (bool crossed = true; crossed;) {
            solve(lambda);
            crossed = false;
            for (int i = 0; i < k_; ++i) {
                if (held_[i]) continue;
                const double to = std::clamp(x[i] + move_[i], lower_[i], upper_[i]);
                if (to == x[i] + move_[i]) continue;
                crossed = bounded = true;
                held_[i] = 1;
                trial_[i] = to - x[i];
                for (int j = 0; j < k_; ++j) pull_[j] += curvature_[i * stride() + j] * trial_[i];
            }
        }
        for (int i = 0; i < k_; ++i)
            if (held_[i]) move_[i] = trial_[i];
        const double far = longest_move();
        if (far <= longest_) return bounded;
        for (double& m : move_) m *= longest_ / far;
        return true;
    }

    double longest_move() const {
        double most = 0;
        for (double m : move_) most = std::max(most, std::fabs(m));
        return most;
    }

    // Half the fall of the sum of squares that the quadratic model promises, times two.
    double predicted() const {
        double fall = 0;
        for (int i = 0; i < k_; ++i) {
            double bend = 0;
            for (int j = 0; j < k_; ++j) bend += curvature_[i * stride() + j] * move_[j];
            fall -= (gradient_[i] + 0.5 * bend) * move_[i];
        }
        return 2 * fall;
    }

    // (J'J + lambda diag) move = -pull over the parameters that are not held, by elimination: it is positive definite.
    void solve(double lambda) {
        const int stride = this->stride();
        std::copy(curvature_.begin(), curvature_.end(), factor_.begin());
        for (int i = 0; i < k_; ++i) {
            double* row = &factor_[i * stride];
            move_[i] = held_[i] ? 0.0 : -pull_[i];
            row[i] = row[i] * (1 + lambda + 1e-10) + 1e-14;
        }
        for (int i = 0; i < k_; ++i)
            if (!held_[i]) eliminate(i, &factor_[i * stride], stride);
        for (int i = k_ - 1; i >= 0; --i) {
            if (held_[i]) continue;
            const double* row = &factor_[i * stride];
            for (int t = i + 1; t < k_; ++t) move_[i] -= row[t] * move_[t];
            move_[i] *= row[i];
        }
    }

    // Takes parameter i out of the rows below; its own keeps 1 / the pivot on the diagonal.
    void eliminate(int i, double* row, int stride) {
        row[i] = 1 / std::max(row[i], 1e-20);
        for (int below = i + 1; below < k_; ++below) {
            if (held_[below]) continue;
            const double share = row[below] * row[i];
            double* other = &factor_[below * stride];
            for (int t = below / W * W; t < stride; t += W) (Lanes<W>::load(other + t) - Lanes<W>(share) * Lanes<W>::load(row + t)).store(other + t);
            move_[below] -= share * move_[i];
        }
    }
};

}  // namespace forecaster

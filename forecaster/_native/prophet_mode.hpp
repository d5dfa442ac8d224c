// The posterior mode of Prophet's model (prophet.hpp) for one series.
//
// Given v it is least squares with a quadratic penalty on (k, m, b) and an absolute one on delta: eliminate the former, solve the small
// rest exactly (lasso.hpp), substitute back. Given the rest, 4 v^2 + n v - RSS = 0. The two take turns; v is extrapolated by the secant of
// RSS(v), which turns slow linear convergence into a few passes. Linear or flat growth with additive components has a constant Jacobian,
// so its Gram matrix is shared by all series that were observed at the same steps; otherwise each pass linearises anew (Gauss-Newton with
// the damping of Levenberg and Marquardt) and the same solver takes the step. Close to the mode the Hessian hardly changes: it is kept for
// as long as the gradient alone brings the search closer. Where Gauss-Newton crawls, which it does in the curved valleys of logistic
// growth, second derivatives of the value are added (Newton).
#pragma once

#include <limits>

#include "lasso.hpp"
#include "prophet.hpp"

namespace forecaster {

// Finds the mode of one series. The workspace is kept from series to series.
template <int W>
class Mode {
  public:
    // y and cap: (n,) of the calendar. theta (p, padded) is the start and then the mode; v the start. A search that will not get below
    // `beat` is given up.
    Found find(const Calendar& of, const Settings& how, const double* y, const double* cap, double* theta, double v,
               double beat = std::numeric_limits<double>::infinity()) {
        of_ = &of, how_ = &how, y_ = y, cap_ = cap;
        next_.assign(of.rows.stride, 0.0), pull_.assign(of.rows.stride, 0.0);
        begin(theta);
        const double least = how.least_sigma * how.least_sigma;
        v = std::max(v, least);
        damping_ = 0, keep_ = false;
        double before_v = 0, before_squares = 0;
        Found found{v, value(theta, v), 0, 0, false};
        for (; found.passes < how.passes; ++found.passes) {
            const double last = found.slack;
            found.slack = slack(theta, v);
            if (found.slack < (how.hold_sigma && found.passes == 0 ? how.rolling_tolerance : how.tolerance)) break;
            if (!keep_ && found.passes > 0 && found.slack < how.enough && found.slack > 0.5 * last) break;
            if (value(theta, v) - 0.5 * of.p * found.slack * found.slack > beat) break;
            const bool slow = found.slack > 0.3 * last;
            keep_ = found.slack < how.close && !(slow && keep_);
            if (!step(theta, v, slow && found.slack < how.near)) {
                if (damping_ > 1e12) break;
                continue;
            }
            if (!how.hold_sigma) {
                const double stays = v;
                v = std::max(next_v(v, before_v, before_squares), least);
                before_v = stays, before_squares = now_.squares;
            }
        }
        found.v = v, found.criterion = value(theta, v), found.slack = slack(theta, v);
        found.sound = std::isfinite(found.criterion);
        return found;
    }

  private:
    // The criterion around a point: its Hessian with or without what second derivatives of the value add, the squares of the columns of
    // the Jacobian J, J'r and RSS.
    struct Local {
        Matrix gram;
        bool bent = false;
        std::vector<double> weight, force;
        double squares = 0;
    };

    void begin(const double* theta) {
        const Matrix& rows = of_->rows;
        linear_ = how_->constant_jacobian();
        if (!linear_) return linearise(theta, now_, false);
        right_.assign(rows.stride, 0.0);
        total_ = 0;
        for (Index r = 0; r < of_->n; ++r) add_scaled<W>(right_.data(), y_[r], rows[r], 0, rows.stride), total_ += y_[r] * y_[r];
        measure(theta);
    }

    // For a constant Jacobian: RSS and J'r at theta from the moments alone.
    void measure(const double* theta) {
        times<W>(of_->gram, theta, pull_.data());
        now_.force.assign(of_->rows.stride, 0.0);
        double fits = 0;
        for (Index c = 0; c < of_->p; ++c) {
            fits += theta[c] * (2 * right_[c] - pull_[c]);
            now_.force[c] = right_[c] - pull_[c];
        }
        now_.squares = std::max(total_ - fits, 1e-18 * total_);
    }

    void linearise(const double* theta, Local& to, bool bent) {
        const Matrix& rows = of_->rows;
        to.gram.shape(of_->p, of_->p);
        to.bent = bent, to.squares = 0;
        for (auto* sums : {&to.weight, &to.force}) sums->assign(rows.stride, 0.0);
        weighted_.assign(parts * outer_rows * rows.stride, 0.0);
        curve_.at(*of_, *how_, theta);
        for (Index r = 0; r < of_->n; r += outer_rows) {
            for (Index i = 0; i < std::min(outer_rows, of_->n - r); ++i) weigh(r + i, i, to, bent);
            add_outer<W>(to.gram, rows[r], [this](Index c) { return weighted(of_->part[c], 0); }, of_->live[r / outer_rows]);
        }
        mirror(to.gram);
    }

    double* weighted(int part, Index row) { return weighted_.data() + (part * outer_rows + row) * of_->rows.stride; }

    void weigh(Index r, Index i, Local& to, bool bent) {
        const double* x = of_->rows[r];
        double* const out[] = {weighted(0, i), weighted(1, i), weighted(2, i)};
        const auto at = curve_.row(x, of_->rows.stride, cap_ ? cap_[r] : 1.0);
        const double off = y_[r] - at.value();
        curve_.derivatives(at, bent ? off : 0.0, x, *of_, out);
        add_scaled<W>(to.force.data(), off, out[2], 0, of_->rows.stride);
        add_squares<W>(to.weight.data(), out[2], of_->rows.stride);
        to.squares += off * off;
    }

    // J'r and RSS alone.
    void differentiate(const double* theta, Local& to) {
        const Index stride = of_->rows.stride;
        for (auto* sums : {&to.force, &by_product_, &by_sum_}) sums->assign(stride, 0.0);
        to.squares = 0;
        curve_.at(*of_, *how_, theta);
        for (Index r = 0; r < of_->n; ++r) {
            const double* x = of_->rows[r];
            const auto at = curve_.row(x, stride, cap_ ? cap_[r] : 1.0);
            const double off = y_[r] - at.value();
            to.squares += off * off;
            add_scaled<W>(to.force.data(), off * at.slope * at.product, x, 0, stride);
            if (curve_.multiplies()) add_scaled<W>(by_product_.data(), off * at.trend, x, 0, stride);
            if (curve_.adds()) add_scaled<W>(by_sum_.data(), off, x, 0, stride);
        }
        for (Index c = 0; c < of_->p; ++c)
            to.force[c] = to.force[c] * of_->of_trend[c] + by_product_[c] * of_->of_product[c] + by_sum_[c] * of_->of_sum[c];
    }

    const Matrix& gram() const { return linear_ ? of_->gram : now_.gram; }
    double weight(Index c) const { return linear_ ? of_->gram[c][c] : now_.weight[c]; }

    TrendPrior prior(const double* theta) const { return {theta, how_->growth == Growth::logistic}; }
    double penalty(const double* theta) const {
        double sum = prior(theta).value;
        for (Index c = trend_columns; c < of_->q; ++c) sum += 0.5 * of_->precision[c] * theta[c] * theta[c];
        for (Index c = of_->q; c < of_->p; ++c) sum += std::fabs(theta[c]) / how_->tau;
        return sum;
    }
    double value(const double* theta, double v, double squares) const {
        return 0.5 * of_->n * std::log(v) + squares / (2 * v) + 2 * v + penalty(theta);
    }
    double value(const double* theta, double v) const { return value(theta, v, now_.squares); }

    // One step of theta at this v; false if it does not descend: the next one goes without second derivatives, then with more damping.
    bool step(double* theta, double v, bool near) {
        const bool found = propose(theta, v);
        if (linear_) {
            std::copy(next_.begin(), next_.end(), theta);
            measure(theta);
            return true;
        }
        if (found && keep_) differentiate(next_.data(), other_);
        if (found && !keep_) linearise(next_.data(), other_, near);
        const double before = value(theta, v), after = found ? value(next_.data(), v, other_.squares) : before;
        if (!found || !(after <= before + 1e-11 * (1 + std::fabs(before)))) {
            if (now_.bent) linearise(theta, now_, false);
            else damping_ = std::max(1e-3, 8 * damping_);
            return keep_ = false;
        }
        std::copy(next_.begin(), next_.end(), theta);
        if (!keep_) std::swap(now_, other_);
        if (keep_) now_.force.swap(other_.force), now_.squares = other_.squares;
        damping_ = damping_ > 1e-6 ? 0.25 * damping_ : 0;
        return true;
    }

    // The minimum of the linearised criterion at this v, in next_; false where it is a saddle.
    bool propose(const double* theta, double v) {
        const Index p = of_->p, q = of_->q;
        system_.shape(p, p + 1);
        if (!linear_) times<W>(now_.gram, theta, pull_.data());
        for (Index i = 0; i < p; ++i) {
            const double* row = gram()[i];
            std::copy(row + i, row + p, system_[i] + i);
            const double held = damping_ * weight(i);
            system_[i][i] += v * of_->precision[i] + held;
            system_[i][p] = (linear_ ? right_[i] : now_.force[i] + pull_[i]) + held * theta[i];
        }
        const TrendPrior trend = prior(theta);
        for (Index i = 0; i < trend_columns; ++i) {
            system_[i][p] -= v * trend.gradient[i];
            for (Index j = 0; j < trend_columns; ++j) {
                const double bend = trend.hessian[std::min(i, j)][std::max(i, j)];
                if (i <= j) system_[i][j] += v * bend;
                system_[i][p] += v * bend * theta[j];
            }
        }
        if (!eliminate<W>(system_, q)) return false;
        std::copy(theta, theta + p, next_.begin());
        lasso_.solve(system_, q, v / how_->tau, next_.data() + q);
        substitute(system_, next_.data(), q);
        return true;
    }

    double next_v(double v, double before_v, double before_squares) const {
        const double n = static_cast<double>(of_->n);
        const double best = (std::sqrt(n * n + 16 * now_.squares) - n) / 8;
        if (before_v <= 0 || before_v == v) return best;
        const double rise = (now_.squares - before_squares) / (v - before_v), slope = 8 * v + n - rise;
        if (!(slope > 0)) return best;
        const double leap = v - (4 * v * v + n * v - now_.squares) / slope;
        return std::clamp(leap, 0.3 * best, 3 * best);
    }

    // How far from stationary: the largest scaled derivative of f. A derivative of g scaled so promises a gain of g^2 / 2.
    double slack(const double* theta, double v) const {
        const TrendPrior trend = prior(theta);
        double worst = 0;
        for (Index c = 0; c < of_->p; ++c) {
            const bool of_trend = c < trend_columns;
            const double curve = weight(c) / v + (of_trend ? trend.hessian[c][c] : of_->precision[c]);
            if (!(curve > 0)) continue;
            double slope = (of_trend ? trend.gradient[c] : of_->precision[c] * theta[c]) - now_.force[c] / v;
            if (c >= of_->q) {
                const double bend = 1 / how_->tau;
                slope = theta[c] > 0 ? slope + bend : theta[c] < 0 ? slope - bend : std::max(std::fabs(slope) - bend, 0.0);
            }
            worst = std::max(worst, std::fabs(slope) / std::sqrt(curve));
        }
        if (how_->hold_sigma || v <= how_->least_sigma * how_->least_sigma * 1.0001) return worst;
        return std::max(worst, std::fabs(of_->n - now_.squares / v + 4 * v) / std::sqrt(2.0 * of_->n));
    }

    const Calendar* of_ = nullptr;
    const Settings* how_ = nullptr;
    const double *y_ = nullptr, *cap_ = nullptr;
    bool linear_ = true, keep_ = false;
    double total_ = 0, damping_ = 0;
    Local now_, other_;
    Matrix system_;
    std::vector<double> next_, pull_, right_, weighted_, by_product_, by_sum_;
    Curve<W> curve_;
    Lasso<W> lasso_;
};

}  // namespace forecaster

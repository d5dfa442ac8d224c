// The filter around missing values that are no columns of the regression: the covariance of the state is carried in full (Kalman 1960),
// rows without an observation correct nothing, and each missing value is a state of its own for as long as differencing looks back on it.
// Same results as arima_filter.hpp where nothing is missing, and much slower.
#pragma once

#include <algorithm>
#include <vector>

#include "arima_innovations.hpp"
#include "arima_process.hpp"

namespace forecaster::arima {

template <int W>
class GapFilter {
    using V = Lanes<W>;

  public:
    void run(const Process<W>& process, Innovations<W>& out) {
        take(process, out);
        stationary_covariance();
        V product = 1.0;
        std::size_t next = 0;
        for (Index t = 0; t < data_->n; ++t) {
            close_old(t);
            const V variance = look(t);
            if (next < data_->skips.size() && data_->skips[next] == t) {
                open(t, variance, next++);
            } else {
                correct(t, variance);
                product *= variance;
            }
            if (t % 16 == 15) out_->logs += log(product), product = 1.0;
            move_on();
        }
        out_->logs += log(product);
        while (!open_.empty()) close_first();
    }

    // Expected value of a skipped row less what fills it, at lane 0, once differencing no longer looks back on it; by column.
    double left(std::size_t skip, int column) const { return left_[skip * columns_ + column]; }

  private:
    const Process<W>* process_ = nullptr;
    const Regression* data_ = nullptr;
    Innovations<W>* out_ = nullptr;
    int columns_ = 1, most_ = 1;
    std::vector<V> cross_, toward_, looks_, pull_;
    std::vector<double> left_;
    std::vector<std::size_t> open_;  // skipped rows that differencing still looks back on

    void take(const Process<W>& process, Innovations<W>& out) {
        process_ = &process, out_ = &out, data_ = out.data, columns_ = data_->columns;
        most_ = process.states + static_cast<int>(std::min(data_->skips.size(), data_->weights.size()));
        cross_.assign(static_cast<std::size_t>(most_) * most_, V(0.0));
        toward_.resize(most_ + 1), looks_.resize(most_ + 1), pull_.resize(columns_);
        left_.assign(data_->skips.size() * columns_, 0.0);
        open_.clear();
        out.state.assign(static_cast<std::size_t>(most_ + 2) * columns_, V(0.0));
        out.logs = 0.0, out.steady = data_->n;
    }

    V& cross(int i, int j) { return cross_[static_cast<std::size_t>(std::min(i, j)) * most_ + std::max(i, j)]; }
    int wide() const { return process_->states + static_cast<int>(open_.size()); }

    // From its first column, by diagonals: P = T P T' + R R'.
    void stationary_covariance() {
        cross(0, 0) = process_->variance;
        for (int i = 1; i < process_->states; ++i) cross(0, i) = process_->first[i - 1] - process_->carry(i - 1) * process_->variance;
        for (int i = 0; i + 1 < process_->states; ++i)
            for (int j = i; j + 1 < process_->states; ++j)
                cross(i + 1, j + 1) = cross(i, j) - process_->shock(i) * process_->shock(j) - process_->carry(i) * cross(0, j + 1) - process_->carry(j) * cross(0, i + 1) - process_->carry(i) * process_->carry(j) * process_->variance;
    }

    // What row t sees of the state: `looks_`, its covariance with the state: `toward_`; returns its variance.
    V look(Index t) {
        const int all = wide();
        for (int k = process_->states; k < all; ++k) looks_[k] = -data_->weights[t - data_->skips[open_[k - process_->states]]];
        for (int i = 0; i < all; ++i) {
            V sum = cross(0, i);
            for (int k = process_->states; k < all; ++k) sum += looks_[k] * cross(i, k);
            toward_[i] = sum;
        }
        V variance = toward_[0];
        for (int k = process_->states; k < all; ++k) variance += looks_[k] * toward_[k];
        out_->variances[t] = variance[0];
        return variance;
    }

    V expected(int c) const {
        V sum = out_->state[c];
        for (int k = process_->states; k < wide(); ++k) sum += looks_[k] * out_->state[k * columns_ + c];
        return sum;
    }

    void correct(Index t, V variance) {
        const V inverse = V(1.0) / variance, weight = sqrt(inverse);
        for (int c = 0; c < columns_; ++c) {
            const V v = V(data_->values[c * data_->n + t]) - expected(c);
            out_->errors[t * columns_ + c] = v * weight;
            pull_[c] = v * inverse;
        }
        const int all = wide();
        for (int i = 0; i < all; ++i) {
            for (int c = 0; c < columns_; ++c) out_->state[i * columns_ + c] += toward_[i] * pull_[c];
            const V share = toward_[i] * inverse;
            V* row = &cross_[static_cast<std::size_t>(i) * most_];
            for (int j = i; j < all; ++j) row[j] -= share * toward_[j];
        }
    }

    void open(Index t, V variance, std::size_t skip) {
        const int k = wide();
        for (int c = 0; c < columns_; ++c) {
            out_->state[k * columns_ + c] = expected(c) - V(data_->values[c * data_->n + t]);
            out_->errors[t * columns_ + c] = 0.0;
        }
        for (int i = 0; i < k; ++i) cross(i, k) = toward_[i];
        cross(k, k) = variance;
        open_.push_back(skip);
    }

    void close_old(Index t) {
        while (!open_.empty() && t - data_->skips[open_[0]] >= static_cast<Index>(data_->weights.size())) close_first();
    }

    void close_first() {
        for (int c = 0; c < columns_; ++c) left_[open_[0] * columns_ + c] = out_->state[process_->states * columns_ + c][0];
        const int all = wide();
        for (int k = process_->states; k + 1 < all; ++k) {
            for (int c = 0; c < columns_; ++c) out_->state[k * columns_ + c] = out_->state[(k + 1) * columns_ + c];
            for (int i = 0; i < process_->states; ++i) cross(i, k) = cross(i, k + 1);
            for (int j = process_->states; j <= k; ++j) cross(j, k) = cross(j + 1, k + 1);
        }
        open_.erase(open_.begin());
    }

    // The state one step later: a_i = a_{i+1} + phi_i a_1 + R_i e.
    void move_on() {
        const int all = wide();
        for (int c = 0; c < columns_; ++c) {
            const V top = out_->state[c];
            for (int i = 0; i < process_->states; ++i) out_->state[i * columns_ + c] = (i + 1 < process_->states ? out_->state[(i + 1) * columns_ + c] : V(0.0)) + process_->carry(i) * top;
        }
        for (int i = 0; i < all; ++i) toward_[i] = cross(0, i);
        const V corner = toward_[0];
        auto top = [&](int i) { return i < process_->states ? toward_[i] : V(0.0); };
        for (int i = 0; i < process_->states; ++i) {
            const V f = process_->carry(i), share = top(i + 1) + f * corner, r = process_->shock(i);
            V* row = &cross_[static_cast<std::size_t>(i) * most_];
            const V* below = &cross_[static_cast<std::size_t>(i + 1) * most_];
            for (int j = i; j < process_->states; ++j) row[j] = (j + 1 < process_->states ? below[j + 1] : V(0.0)) + f * top(j + 1) + process_->carry(j) * share + r * process_->shock(j);
            for (int k = process_->states; k < all; ++k) row[k] = (i + 1 < process_->states ? below[k] : V(0.0)) + f * toward_[k];
        }
    }
};

}  // namespace forecaster::arima

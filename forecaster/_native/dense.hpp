// Small dense symmetric systems, row after row. Rows are padded to whole vectors, so every loop runs over vectors. Elimination reads
// and writes the upper triangle only, and leaves anything below it.
#pragma once

#include <algorithm>
#include <vector>

#include "lanes.hpp"
#include "parallel.hpp"

namespace forecaster {

constexpr Index widest = 8;  // lanes of the widest vector

inline Index padded(Index n) { return (n + widest - 1) / widest * widest; }

// A matrix of `rows` padded rows of `columns` numbers, zero at first.
struct Matrix {
    Index rows = 0, columns = 0, stride = 0;
    std::vector<double> cells;

    void shape(Index n_rows, Index n_columns) {
        rows = n_rows, columns = n_columns, stride = padded(n_columns);
        cells.assign(static_cast<std::size_t>((rows + 1) * stride), 0.0);  // one row of room, for loops that take two at a time
    }
    double* operator[](Index i) { return cells.data() + i * stride; }
    const double* operator[](Index i) const { return cells.data() + i * stride; }
};

// at[c] += a * x[c] from column `first` on.
template <int W>
FORECASTER_INLINE void add_scaled(double* at, double a, const double* x, Index first, Index stride) {
    const Lanes<W> factor(a);
    for (Index c = first / W * W; c < stride; c += W) (Lanes<W>::load(at + c) + factor * Lanes<W>::load(x + c)).store(at + c);
}

// at[c] += x[c]^2
template <int W>
FORECASTER_INLINE void add_squares(double* at, const double* x, Index stride) {
    for (Index c = 0; c < stride; c += W) {
        const auto value = Lanes<W>::load(x + c);
        (Lanes<W>::load(at + c) + value * value).store(at + c);
    }
}

// As many sums as the widest vector has lanes, so that the same bits come out with any.
template <int W>
struct Sums {
    Lanes<W> parts[widest / W];

    FORECASTER_INLINE Sums() {
        for (auto& part : parts) part = 0.0;
    }
    FORECASTER_INLINE double total() const {
        double sum = 0;
        for (const auto& part : parts)
            for (int lane = 0; lane < W; ++lane) sum += part[lane];
        return sum;
    }
};

template <int W>
FORECASTER_INLINE double dot(const double* a, const double* b, Index stride) {
    Sums<W> sums;
    for (Index c = 0; c < stride; c += widest)
        for (Index i = 0; i < widest / W; ++i) sums.parts[i] += Lanes<W>::load(a + c + i * W) * Lanes<W>::load(b + c + i * W);
    return sums.total();
}

constexpr Index outer_rows = 8;  // rows that are added to a Gram matrix at a time

// Two rows of a matrix gain what R padded rows of x add to them, weighted as in `one` and `two`: enough work per load, and no more than
// the registers hold.
template <int W, int R, bool alike>
FORECASTER_INLINE void add_two(double* at, double* below, const double* x, const double* one, const double* two, Index i, Index end, Index stride) {
    Lanes<W> a[R], b[R];
    for (int r = 0; r < R; ++r) a[r] = Lanes<W>(x[r * stride + i]), b[r] = Lanes<W>(x[r * stride + i + 1]);
    for (Index c = i / W * W; c < end; c += W) {
        auto first = Lanes<W>::load(at + c), second = Lanes<W>::load(below + c);
        for (int r = 0; r < R; ++r) {
            const auto value = Lanes<W>::load(one + r * stride + c);
            first += a[r] * value, second += b[r] * (alike ? value : Lanes<W>::load(two + r * stride + c));
        }
        first.store(at + c), second.store(below + c);
    }
}

// Row i gains what X'Y has there, for `outer_rows` padded rows of X and of Y, all zero from column `live` on; Y is `weighted(i)`.
template <int W, class Weighted>
void add_outer(Matrix& to, const double* x, const Weighted& weighted, Index live) {
    constexpr int at_once = W == 8 ? 8 : 4;
    const Index stride = to.stride, end = (live + W - 1) / W * W;
    for (Index from = 0; from < outer_rows * stride; from += at_once * stride)
        for (Index i = 0; i < live; i += 2) {
            const double *one = weighted(i) + from, *two = weighted(std::min(i + 1, live - 1)) + from;
            if (one == two) add_two<W, at_once, true>(to[i], to[i + 1], x + from, one, two, i, end, stride);
            if (one != two) add_two<W, at_once, false>(to[i], to[i + 1], x + from, one, two, i, end, stride);
        }
}

// Copies what stands above the diagonal below it.
inline void mirror(Matrix& a) {
    for (Index i = 0; i < a.rows; ++i)
        for (Index j = i + 1; j < a.rows; ++j) a[j][i] = a[i][j];
}

// out = A x for a mirrored matrix; x is padded with zeros.
template <int W>
void times(const Matrix& a, const double* x, double* out) {
    for (Index i = 0; i < a.rows; ++i) out[i] = dot<W>(a[i], x, a.stride);
}

// Gauss elimination of the first `pivots` unknowns of a symmetric positive definite system with its right side in the last column:
// the rows below hold the Schur complement, what is left of the system once those unknowns are solved for. False where it is not
// positive definite.
template <int W>
bool eliminate(Matrix& system, Index pivots) {
    for (Index j = 0; j < pivots; ++j) {
        const double* pivot = system[j];
        if (!(pivot[j] > 0)) return false;
        const double over = 1.0 / pivot[j];
        for (Index i = j + 1; i < system.rows; ++i)
            if (pivot[i] != 0) add_scaled<W>(system[i], -pivot[i] * over, pivot, i, system.stride);
    }
    return true;
}

// The first `pivots` unknowns of an eliminated system, given those behind them in x.
inline void substitute(const Matrix& system, double* x, Index pivots) {
    for (Index j = pivots - 1; j >= 0; --j) {
        const double* row = system[j];
        double sum = row[system.columns - 1];
        for (Index i = j + 1; i < system.rows; ++i) sum -= row[i] * x[i];
        x[j] = sum / row[j];
    }
}

}  // namespace forecaster

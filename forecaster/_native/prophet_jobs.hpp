// What the Prophet kernel is asked for: all series of a table in one call. Pointers are into NumPy arrays, rows contiguous.
#pragma once

#include "prophet.hpp"

namespace forecaster {

// Columns of the design: those of the grid (the calendar, shared by all series) and then those of each row (covariates).
struct Columns {
    const double* day = nullptr;             // time of each step of the grid, in days (grid,)
    const double* shared = nullptr;          // (grid, n_shared)
    const double* own = nullptr;             // (rows, n_own)
    Index n_shared = 0, n_own = 0;
    const bool* wanted = nullptr;            // whether a series has a column (series, n)
    const double* precision = nullptr;       // of the prior of each column (n,)
    const bool* multiplicative = nullptr;    // (n,)

    Index n() const { return n_shared + n_own; }
};

// The rows of all series, one series after another: their history, or what lies ahead.
struct Rows {
    Index series = 0;
    const Index* indptr = nullptr;           // (series + 1,)
    const Index* first = nullptr;            // step of the grid of the first row (series,)
    const double* floor = nullptr;           // (rows,), or none: 0
    const double* cap = nullptr;             // (rows,), or none

    Index size(Index s) const { return indptr[s + 1] - indptr[s]; }
    double floor_at(Index row) const { return floor ? floor[row] : 0.0; }
};

// What each series is measured by: v = (value - floor - shift) / size, t = (day - begin) / span.
struct Scales {
    const double *begin = nullptr, *span = nullptr, *size = nullptr, *shift = nullptr;  // (series,)
    const double* changepoints = nullptr;    // in t, NaN behind the last one (series, n_changepoints)
    Index n_changepoints = 0;

    double time(Index s, double day) const { return (day - begin[s]) / span[s]; }
    double base(const Rows& rows, Index s, Index row) const { return rows.floor_at(row) + shift[s]; }
    double value(const Rows& rows, Index s, Index row, double given) const { return (given - base(rows, s, row)) / size[s]; }
};

// Parameters of all series, in units of their scales.
struct Parameters {
    double* theta = nullptr;                 // [k, m | columns | changepoints] (series, width)
    double* sigma = nullptr;                 // (series,)
};

struct ObserveJob {
    Rows rows;
    const double* target = nullptr;          // (rows,)
    const double* day = nullptr;             // time of each step of the grid, in days (grid,)
    Index n_changepoints = 0;
    double share = 0;                        // of the history that they lie in
    bool* there = nullptr;                   // results: (rows,)
    Index *counts = nullptr, *ends = nullptr;                        // (series,), (series, 2)
    double *days = nullptr, *closest = nullptr, *extremes = nullptr;  // (series, 2), (series,), (series, 5)
    double* changepoints = nullptr;                                  // (series, n_changepoints)
};

struct FitJob {
    Rows rows;
    const double* target = nullptr;          // (rows,)
    const bool* there = nullptr;             // whether a row counts (rows,)
    const bool* left = nullptr;              // whether a series is left alone (series,)
    Columns columns;
    Scales scales;
    Parameters parameters;
    Settings settings;
    double *criterion = nullptr, *slack = nullptr;  // results (series,)
    Index* passes = nullptr;
};

struct AheadJob {
    Rows rows;                               // series x horizon
    Index horizon = 0;
    Columns columns;                         // own: (series x horizon, n_own)
    Scales scales;
    Parameters parameters;
    Growth growth = Growth::linear;
    const double* known = nullptr;           // t up to which the trend is known (series,)
    const double* levels = nullptr;          // (n_levels,)
    Index n_levels = 0, samples = 0;
    std::uint64_t seed = 0;
    double *mean = nullptr, *quantiles = nullptr;  // results (series, horizon), (series, horizon, n_levels)
};

template <int W>
void fit_all(const FitJob& job, Index threads);

void look_ahead(const AheadJob& job, Index threads);

}  // namespace forecaster

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

// Parameters of all series, in units of their scale.
struct Parameters {
    double* theta = nullptr;                 // [k, m | columns | changepoints] (series, width)
    double* sigma = nullptr;                 // (series,)
    const double* begin = nullptr;           // day at which t is 0, and days to t = 1 (series,)
    const double* span = nullptr;
    const double* changepoints = nullptr;    // in t, NaN behind the last one (series, n_changepoints)
    Index n_changepoints = 0;
};

struct FitJob {
    Index series = 0;
    const double* y = nullptr;               // scaled, NaN where missing (rows,)
    const double* cap = nullptr;             // scaled (rows,), or none
    const Index* indptr = nullptr;           // (series + 1,)
    const Index* first = nullptr;            // step of the grid of the first row (series,)
    Columns columns;
    Parameters parameters;
    Settings settings;
    double *criterion = nullptr, *slack = nullptr;  // results (series,)
    Index* passes = nullptr;
};

struct AheadJob {
    Index series = 0, horizon = 0;
    const double* cap = nullptr;             // (series, horizon), or none
    const Index* first = nullptr;            // step of the grid of the first step ahead (series,)
    Columns columns;                         // own: (series x horizon, n_own)
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

// Seasonal ARIMA by exact maximum likelihood, for all series of a table.
//
//     phi(B) Phi(B^m) (w_t - c - beta'x_t) = theta(B) Theta(B^m) e_t,     w = (1 - B)^d (1 - B^m)^D y
//
// (Box and Jenkins 1970.) w is stationary, so its likelihood is exact and needs no diffuse states. It is filtered in the
// innovations form with the Chandrasekhar recursions of Morf, Sidhu and Kailath (1974; used for ARMA models by Pearlman 1980),
// which carry two vectors where a Kalman filter carries a matrix. Starting column of the covariance: Gardner, Harvey and Phillips
// (1980) ask for it, we get it from the autocovariances by step-down (Durbin 1960, Levinson 1947) in O(lags^2).
//
// Parameters are partial autocorrelations of the four factors (Barndorff-Nielsen and Schou 1973, Monahan 1984), scaled so that
// every root lies outside the circle of radius 1 + 1 / max(n, 100). That is R's 1.01 for short series. Nearer to the circle than about
// 1 / n estimates pile up on it, whatever the truth is (Sargan and Bhargava 1983), so only long series can tell a root there.
//
// Regression: constant, covariates and missing values are columns that go through the same filter as w, and are concentrated
// out by least squares on the innovations (Gomez, Maravall and Pena 1999 show that a missing value as a regressor, with the
// determinant of its normal equations added to the deviance, is the same likelihood as skipping the update):
//
//     deviance = N log(sum of squares / N) + sum log F_t + log|M'M|,     N = n - missing, M the columns of missing values
//
// Search: the moves of Hyndman and Khandakar (2008) on exact AICc, from the few best models instead of one.
#pragma once

#include "parallel.hpp"

namespace forecaster::arima {

constexpr int most_parameters = 32;
// Constant, sigma2, deviance-based log-likelihood, aicc, observations used, models tried, status, trailing gaps, rows from the first observed to the last.
constexpr int numbers_per_series = 9;

enum class Status : int { fitted = 0, constant = 1, short_series = 2, nothing = 3 };

// What happens to a candidate with a partial autocorrelation at its bound (roots on that circle): `seasonal` refuses those that tell of one
// difference too few or too many (see Search::admitted).
enum class Boundary : int { reject = 0, accept = 1, seasonal = 2 };

struct Orders {
    int p = 0, d = 0, q = 0, P = 0, D = 0, Q = 0, constant = 0;
    int parameters() const { return p + q + P + Q; }
    bool operator==(const Orders&) const = default;
};

struct Rules {
    int m = 1;
    bool fixed = false;      // fit `most` as it is, do not search
    Orders most;             // limits of the search, or the fixed orders
    int d = -1, D = -1;      // given orders of differencing, or -1 to test
    int constant = -1;       // 0 never, 1 always (where d + D < 2), -1 by AICc, with fixed orders always
    int models = 94;         // candidates tried at most
    Boundary boundary = Boundary::seasonal;
    int kept = 1;            // models that are kept of a series: the one that is chosen, and the next best of those tried
};

// All series of a table: series s is rows indptr[s] .. indptr[s + 1] of y (NaN where missing) and x (rows x covariates, by rows); a
// covariate that is NaN in all of these rows is none of the series'.
struct Data {
    const double* y;
    const double* x;
    const Index* indptr;
    int covariates;
};

// Columns of fitted models, one row per series; where several are kept, the rows of all series for the chosen models, then those for
// the next best, and so on. Coefficients: p AR, q MA, P seasonal AR, Q seasonal MA, one after another.
struct Columns {
    std::int32_t* orders;   // (series, 7): p d q P D Q constant
    double* coefficients;   // (series, width)
    double* numbers;        // (series, numbers_per_series)
    double* betas;          // (series, covariates)
    Index width;
    Index series;
};

// Fits series first .. last.
template <int W>
void fit(const Data& data, const Rules& rules, const Columns& out, Index first, Index last);

// Runs fitted models over data: the state after the last value, the values that differencing looks back on, one-step innovations.
struct Filtered {
    double* state;          // (series, state_width)
    double* tail;           // (series, tail_width), newest first
    double* innovations;    // (rows) or null
    Index state_width, tail_width;
};
template <int W>
void filter(const Data& data, int m, const Columns& model, const Filtered& out, Index first, Index last);

}  // namespace forecaster::arima

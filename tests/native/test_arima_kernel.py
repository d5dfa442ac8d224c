"""The ARIMA likelihood against dense linear algebra and statsmodels, levels of processor against each other, and bad input."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecaster._native import arima as native
from forecaster.learners import make
from forecaster.testing import table_of

ORDERS = [
    ((0, 0, 0), (0, 0, 0)), ((1, 0, 0), (0, 0, 0)), ((0, 0, 2), (0, 0, 0)), ((2, 0, 1), (0, 0, 0)),
    ((1, 1, 1), (0, 0, 0)), ((0, 1, 1), (0, 1, 1)), ((2, 1, 0), (1, 0, 1)), ((1, 0, 1), (1, 1, 0)),
    ((0, 2, 2), (0, 0, 0)), ((3, 1, 2), (2, 1, 1)), ((4, 0, 2), (1, 0, 1)),
]  # fmt: skip


def season_and_walk(n: int, m: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = np.arange(n)
    return 50 + 0.05 * steps + np.cumsum(rng.normal(size=n)) + 3 * np.sin(2 * np.pi * steps / max(m, 2)) + rng.normal(size=n)


def polynomials(model, i: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    p, _, q, P, _, Q, _ = (int(order) for order in model.orders[i])
    ar, ma, sar, sma = np.split(model.coefficients[i, : p + q + P + Q], np.cumsum([p, q, P]))
    spread = [np.concatenate([[1.0], np.kron(c, np.eye(1, m, m - 1)[0])]) for c in (sar, sma)]
    return np.convolve(np.r_[1, -ar], np.r_[1, -spread[0][1:]]), np.convolve(np.r_[1, ma], spread[1])


def autocovariances(ar: np.ndarray, ma: np.ndarray, n: int) -> np.ndarray:
    """Of an ARMA process with innovations of variance 1, from its moving average of (nearly) infinite length."""
    psi = np.zeros(n + 6000)
    for k in range(len(psi)):
        psi[k] = (ma[k] if k < len(ma) else 0.0) - sum(ar[i] * psi[k - i] for i in range(1, min(k, len(ar) - 1) + 1))
    return np.array([psi[: len(psi) - k] @ psi[k:] for k in range(n)])


def dense_loglik(y: np.ndarray, model, i: int, m: int) -> float:
    """Gaussian log-likelihood of the differenced values from their covariance matrix, sigma2 concentrated out."""
    _, d, _, _, D, _, constant = (int(order) for order in model.orders[i])
    w = np.diff(y, d) if D == 0 else np.diff(y[m:] - y[:-m], d)
    w = w - model.numbers[i, 0] * constant
    gamma = autocovariances(*polynomials(model, i, m), len(w))
    lower = np.linalg.cholesky(gamma[np.abs(np.subtract.outer(np.arange(len(w)), np.arange(len(w))))])
    e = np.linalg.solve(lower, w)
    return float(-0.5 * len(w) * (np.log(2 * np.pi * np.mean(e**2)) + 1) - np.log(np.diag(lower)).sum())


def without_constant(y: np.ndarray, model, i: int, m: int) -> np.ndarray:
    """The series less its mean or drift, so that a model without a constant has the same likelihood."""
    _, d, _, _, D, _, constant = (int(order) for order in model.orders[i])
    if not constant:
        return y
    return y - model.numbers[i, 0] * (1.0 if d + D == 0 else np.arange(len(y)) / (m if D else 1))


def statsmodels_loglik(y: np.ndarray, model, i: int, m: int) -> float:
    """By the exact diffuse Kalman filter of SARIMAX, which counts a constant more per difference."""
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax").SARIMAX
    p, d, q, P, D, Q, constant = (int(order) for order in model.orders[i])
    shape = {"order": (p, d, q), "seasonal_order": (P, D, Q, m) if P + D + Q else (0, 0, 0, 0)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kalman = sarimax(without_constant(y, model, i, m), **shape, trend="n", use_exact_diffuse=d + D > 0)
    kalman.ssm.tolerance = 0  # its own steady state comes too early near unit roots
    k, used = p + q + P + Q, model.numbers[i, 4]
    sigma2 = model.sigma2[i] * (used - k - constant) / used
    return float(kalman.loglike(np.r_[model.coefficients[i, :k], sigma2]) + 0.5 * (d + m * D) * np.log(2 * np.pi))


@pytest.mark.parametrize("m", [4, 12])
@pytest.mark.parametrize(("order", "seasonal"), ORDERS)
def test_likelihood_is_that_of_the_covariance_matrix(order, seasonal, m):
    series = [season_and_walk(n, m, seed) for n, seed in ((90, 0), (61, 1))]
    model = make("arima", order=order, seasonal=seasonal).fit(table_of(series, season_length=m))
    wanted = [dense_loglik(y, model, i, m) for i, y in enumerate(series)]
    np.testing.assert_allclose(model.loglik, wanted, atol=1e-6)


FEW, MANY = 31, 7
"""Seasons in which a few missing values are columns of a regression, and rows that a filter skips."""


@pytest.mark.parametrize("m", [FEW, MANY])
@pytest.mark.parametrize("gaps", [[], [20], [2], [1, 2, 30, 31, 32, 60], list(range(10, 60, 3))], ids=len)
@pytest.mark.parametrize(("order", "seasonal"), ORDERS[1:])
def test_missing_values_are_skipped_exactly(order, seasonal, gaps, m):
    y = season_and_walk(73 + m, m, 3)
    y[gaps] = np.nan
    model = make("arima", order=order, seasonal=seasonal, constant=False).fit(table_of([y], season_length=m))
    assert model.loglik[0] == pytest.approx(statsmodels_loglik(y, model, 0, m), abs=1e-6)


@pytest.mark.parametrize("m", [FEW, MANY])
def test_errors_of_rows_after_a_missing_value_know_nothing_of_later_ones(m):
    y = season_and_walk(140, m, 3)
    y[[70, 71, 90]] = np.nan
    table = table_of([y], season_length=m)
    model = make("arima", order=(1, 0, 1), seasonal=(0, 1, 1)).fit(table)
    fitted = model.fitted(table)
    for row in (72, 80, 89, 91, 95, 125, 139):
        assert fitted[row] == pytest.approx(model.predict(1, table.drop_last(140 - row)).mean[0, 0], rel=1e-8)


SETS = [
    ("m3", "YEARLY", 1, 60), ("m3", "QUARTERLY", 4, 60), ("m3", "MONTHLY", 12, 60), ("m3", "OTHER", 1, 30),
    ("aus_tourism", "", 4, 60), ("nn5", "", 7, 30), ("m4_weekly", "", 1, 30), ("m4_hourly", "", 24, 10),
]  # fmt: skip
LONGEST = 300


@pytest.mark.parametrize(("file", "kind", "m", "count"), SETS, ids=[f"{file} {kind}".strip() for file, kind, *_ in SETS])
def test_aicc_of_real_series_is_that_of_statsmodels(shared, file, kind, m, count):
    series = [y[-LONGEST:] for y in real(shared(file), kind, count)]
    model = make("arima").fit(table_of(series, season_length=m))
    fitted = np.flatnonzero(model.numbers[:, 6] == 0)
    assert len(fitted) >= 0.9 * len(series)
    wanted = np.array([statsmodels_loglik(series[i], model, i, m) for i in fitted])
    k = model.orders[fitted][:, [0, 2, 3, 5, 6]].sum(axis=1) + 1
    n = model.numbers[fitted, 4]
    np.testing.assert_allclose(model.aicc[fitted], -2 * wanted + 2 * k + 2 * k * (k + 1) / (n - k - 1), rtol=0, atol=1e-5)


def real(folder, kind: str, count: int) -> list[np.ndarray]:
    """Every k-th series, so that they spread over the set."""
    import pyarrow.parquet as pq

    [path] = [path for path in folder.glob("*.parquet") if path.stem in ("train", "trips", "cash")]
    frame = pq.read_table(path).to_pandas()
    if kind:
        about = pq.read_table(folder / "info.parquet").to_pandas()
        frame = frame[frame.unique_id.isin(about.unique_id[about.period == kind])]
    series = [y.to_numpy(float) for _, y in frame.groupby("unique_id", sort=False).y]
    return series[:: max(len(series) // count, 1)][:count]


def kpss_differences(y: np.ndarray) -> int:
    """R's ndiffs by statsmodels' KPSS, the second difference at 1%."""
    kpss = pytest.importorskip("statsmodels.tsa.stattools").kpss
    for d, critical in enumerate((0.463, 0.739)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kpss(y, "c", nlags=int(3 * np.sqrt(len(y)) / 13))[0] <= critical:
                return d
        y = np.diff(y)
    return 2


@pytest.mark.parametrize("n", [9, 14, 18, 19, 20, 40, 90])
def test_differences_are_those_of_kpss(n):
    rng = np.random.default_rng(n)
    series = [np.cumsum(rng.normal(drift, 1, n)) if i % 3 else rng.normal(size=n) for i, drift in enumerate(np.linspace(0, 1, 40))]
    model = make("arima", period=1).fit(table_of(series))
    assert model.orders[:, 1].tolist() == [kpss_differences(y) for y in series]


def partial_autocorrelations(coefficients: np.ndarray) -> list[float]:
    """Of one factor, by step-down."""
    a, out = np.asarray(coefficients, float), []
    while len(a):
        out.append(float(a[-1]))
        a = (a[:-1] + a[-1] * a[-2::-1]) / max(1 - a[-1] ** 2, 1e-12)
    return out


def at_the_edge(model, i: int, m: int) -> bool:
    """Whether a root is as near to the circle as they may come, but for seasonal ones that keep the season, and an MA(1)
    at -1 or without a difference."""
    radius = 1 + 1 / max(model.numbers[i, 4], 100)
    p, d, q, P, D, *_ = (int(order) for order in model.orders[i])
    ar, ma, sar = np.split(model.coefficients[i, : p + q + P], [p, p + q])
    ar, ma, sar = (partial_autocorrelations(c * radius ** (lag * np.arange(1, len(c) + 1))) for c, lag in ((ar, 1), (-ma, 1), (sar, m)))
    ma = map(abs, ma) if q > 1 else ma if d + D else []
    refused = [*map(abs, ar), *ma, *(-v for v in sar)]
    return max(refused, default=0.0) > 0.999


MOVES = [(0, 0, -1, 0), (0, 0, 0, -1), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, -1, -1), (0, 0, -1, 1), (0, 0, 1, -1), (0, 0, 1, 1)]
MOVES += [(*move[2:], *move[:2]) for move in MOVES]


def stepwise(y: np.ndarray, m: int, d: int, D: int) -> float:
    """AICc where the search of Hyndman and Khandakar ends, every model fitted by itself and edges rejected."""
    most = [len(y) // 3, len(y) // 3, len(y) // 3 // m if m > 1 else 0, len(y) // 3 // m if m > 1 else 0]
    most = np.minimum(most, [min(5, m - 1 if m > 1 else 5)] * 2 + [2, 2])
    tried: dict[tuple[int, ...], float] = {}

    def aicc(p: int, q: int, P: int, Q: int, constant: int) -> float:
        if (key := (p, q, P, Q, constant)) not in tried:
            model = make("arima", order=(p, d, q), seasonal=(P, D, Q), constant=bool(constant)).fit(table_of([y], season_length=m))
            tried[key] = np.inf if at_the_edge(model, 0, m) else float(model.aicc[0])
        return tried[key]

    constant = int(d + D < 2)
    firsts = [(2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)] if len(y) >= 10 else [(1, 1, 0, 0), (0, 0, 0, 0)]
    at = min([*((*np.minimum(first, most).tolist(), constant) for first in firsts), (0, 0, 0, 0, 0)], key=lambda key: aicc(*key))
    while True:
        near = [(*(np.array(at[:4]) + move).tolist(), at[4]) for move in MOVES] + ([(*at[:4], 1 - at[4])] if constant else [])
        better = (key for key in near if min(key) >= 0 and all(key[:4] <= most) and aicc(*key) < aicc(*at))
        if (to := next(better, None)) is None:
            return aicc(*at)
        at = to


def test_the_search_ends_no_worse_than_stepwise(shared):
    """By more than 1 in fewer than 2% of 450 series; better by more than 1 in many more."""
    gains = []
    for kind, m, count in (("YEARLY", 1, 200), ("QUARTERLY", 4, 150), ("MONTHLY", 12, 100)):
        series = real(shared("m3"), kind, count)
        found = make("arima").fit(table_of(series, season_length=m))
        wanted = [stepwise(y, m, *found.orders[i, [1, 4]].tolist()) for i, y in enumerate(series)]
        gains.append(np.array(wanted) - found.aicc)
    gain = np.concatenate(gains)
    # The smallest of the models within 1 of the best is taken.
    assert (gain < -1.001).mean() < 0.02
    assert (gain > 1).mean() > 0.09


def two_cycles(n: int, seed: int) -> np.ndarray:
    """Two cycles and noise, which together are an ARMA(4, 4)."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n + 200)
    for period in (52, 9):
        cycle, shocks = np.zeros(n + 200), rng.normal(size=n + 200)
        for t in range(2, n + 200):
            cycle[t] = 1.94 * np.cos(2 * np.pi / period) * cycle[t - 1] - 0.97**2 * cycle[t - 2] + shocks[t]
        y += cycle
    return y[200:]


def test_the_search_of_long_series_ends_as_well_as_the_true_orders():
    """Where they are not differenced, by any number of threads."""
    table = table_of([two_cycles(500, seed) for seed in range(25)])
    found, again = (make("arima", period=1, threads=threads).fit(table) for threads in (1, 3))
    np.testing.assert_array_equal(found.numbers, again.numbers)
    true = make("arima", period=1, order=(4, 0, 4)).fit(table)
    off = (found.aicc - true.aicc)[found.orders[:, 1] == 0]
    assert len(off) > 15
    assert off.max() < 2
    assert off.mean() < -5


@pytest.mark.parametrize("order", [(1, 0, 1), (2, 0, 1), (0, 1, 3), (4, 1, 0)])
def test_columns_that_say_nothing_change_no_likelihood(order):
    """A filter in registers takes few columns; a covariate of zeros sends the same model through the one for any number."""
    y, x = season_and_walk(400, 1, 4), np.random.default_rng(4).normal(size=(400, 1))
    for constant in (False, True):
        recipe = make("arima", order=order, constant=constant)
        for columns in (np.zeros((400, 0)), x):
            more = np.hstack([columns, np.zeros((400, 2))])
            tables = (dataclasses.replace(table_of([y]), known={f"x{i}": c for i, c in enumerate(known.T)}) for known in (columns, more))
            few, many = (recipe.fit(table) for table in tables)
            np.testing.assert_allclose(few.loglik, many.loglik, atol=1e-5)


def some_table():
    rng = np.random.default_rng(5)
    series = [season_and_walk(int(n), 12, seed) for seed, n in enumerate(rng.integers(8, 150, 60))]
    for y in series[::5]:
        y[rng.integers(1, len(y) - 1, 4)] = np.nan
    return table_of(series, season_length=12)


def test_threads_change_no_bit():
    one, several = (make("arima", threads=threads).fit(some_table()) for threads in (1, 4))
    for name in ("orders", "coefficients", "numbers", "state", "tail", "weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(several, name))
    np.testing.assert_array_equal(one.predict(9).quantiles, several.predict(9).quantiles)


WILD = st.one_of(st.just(np.nan), st.just(0.0), st.just(1e300), st.just(-1e-300), st.floats(-1e6, 1e6), st.integers(-3, 3).map(float))


@given(
    series=st.lists(hnp.arrays(np.float64, st.integers(0, 60), elements=WILD), min_size=1, max_size=4), m=st.sampled_from([1, 2, 4, 7, 12])
)
@settings(max_examples=60, deadline=None)
def test_bad_input_costs_neither_the_process_nor_a_neighbour(series, m):
    good = season_and_walk(50, m, 0)
    forecast = make("arima").fit(table_of([*series, good], season_length=m)).predict(5)
    np.testing.assert_array_equal(forecast.mean[-1], make("arima").fit(table_of([good], season_length=m)).predict(5).mean[0])
    for i, row in enumerate(forecast.mean):
        assert np.isfinite(row).all() != (i in forecast.failed)


@pytest.mark.parametrize("broken", ["indptr", "width", "orders", "threads"])
def test_wrong_arrays_are_refused(broken):
    y, indptr, x = np.arange(9.0), np.array([0, 9]), np.zeros((9, 0))
    width = 1 if broken == "width" else 14
    orders, columns = np.zeros((1, 7), np.int32), (np.zeros((1, width)), np.zeros((1, native.NUMBERS)), np.zeros((1, 0)))
    most = np.array([5, 2, -1 if broken == "orders" else 5, 2, 1, 2], np.int32)
    indptr = np.array([0, 12]) if broken == "indptr" else indptr
    with pytest.raises((ValueError, TypeError)):
        native.fit(y, indptr, x, 1, False, most, -1, -1, -1, 94, 2, orders, *columns, threads="two" if broken == "threads" else 1)


@given(
    numbers=hnp.arrays(np.float64, (2, native.NUMBERS), elements=st.one_of(WILD, st.just(np.inf))),
    coefficients=hnp.arrays(np.float64, (2, 6), elements=st.one_of(WILD, st.floats(-2, 2))),
    orders=hnp.arrays(np.int32, (2, 7), elements=st.integers(0, 1)),
    y=hnp.arrays(np.float64, 30, elements=WILD),
)
@settings(max_examples=60, deadline=None)
def test_a_model_of_nonsense_gives_numbers_or_nan(numbers, coefficients, orders, y):
    numbers[:, 6:] = 0
    state, tail, betas = np.zeros((2, 6)), np.zeros((2, 5)), np.zeros((2, 0))
    columns = orders, coefficients, numbers, betas
    native.filter(y, np.array([0, 11, 30]), np.zeros((30, 0)), 4, *columns, state, tail, np.full(30, np.nan))
    mean, variance = np.zeros((1, 9)), np.zeros((1, 9))
    models = orders, coefficients, numbers, state, tail, np.full((2, 1), 0.5)
    native.project(4, *models, np.zeros((2, 9)), mean, variance)
    native.explode(4, *models, np.zeros(1, bool))
    assert mean.shape == variance.shape


def test_a_model_that_does_not_fit_its_arrays_is_refused():
    orders, numbers = np.full((1, 7), 3, np.int32), np.zeros((1, native.NUMBERS))
    args = orders, np.zeros((1, 4)), numbers, np.zeros((1, 0)), np.zeros((1, 2)), np.zeros((1, 1)), np.empty(0)
    with pytest.raises(ValueError, match="orders must be 0 or more and fit the coefficients"):
        native.filter(np.arange(9.0), np.array([0, 9]), np.zeros((9, 0)), 4, *args)
    orders[:] = 1
    with pytest.raises(ValueError, match="too few columns"):
        native.filter(np.arange(9.0), np.array([0, 9]), np.zeros((9, 0)), 4, *args)


@pytest.mark.parametrize("shares", [(1, 2), (2, 1)], ids=["more series", "more models"])
def test_models_that_are_too_few_are_refused(shares):
    models = np.zeros((1, 7), np.int32), np.zeros((1, 4)), np.zeros((1, native.NUMBERS)), np.zeros((1, 2)), np.zeros((1, 1))
    with pytest.raises(ValueError, match=r"orders must be \(models \* series, 7\)"):
        native.explode(4, *models, np.ones(shares), np.zeros(shares[1], bool))

"""The Prophet kernel against the model written out in NumPy: its mode is a minimum, its quantiles are those of a simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster._native import prophet

TAU = 0.05


def scales(points, span=1.0, size=1.0, shift=0.0):
    series = len(points)
    return prophet.Scales(np.zeros(series), np.full(series, span), np.full(series, size), np.full(series, shift), points.copy())


@dataclass(frozen=True)
class Case:
    """One series with columns X, and the parameters that the kernel found."""

    t: np.ndarray
    y: np.ndarray
    X: np.ndarray
    multiplicative: np.ndarray
    points: np.ndarray
    growth: str = "linear"
    cap: np.ndarray | None = None
    theta: np.ndarray | None = None
    sigma: float = 1.0
    criterion: float = np.nan
    slack: float = np.nan

    def found(self, start=None, threads=1) -> Case:
        theta = np.zeros((1, 2 + self.X.shape[1] + len(self.points))) if start is None else start[None].copy()
        if start is None and self.growth == "logistic":
            theta[0, :2] = 1.0, 0.5
        sigma, out = np.ones(1), [np.empty(1), np.empty(1), np.empty(1, np.int64)]
        columns = self.X.shape[1]
        design = prophet.Design(
            self.t, np.zeros((len(self.t), 0)), self.X, np.ones((1, columns), bool), np.full(columns, 0.01), self.multiplicative
        )
        rows = prophet.Rows(np.array([0, len(self.y)]), np.zeros(1, np.int64), None, self.cap)
        there, left, parameters = np.isfinite(self.y), np.zeros(1, bool), prophet.Theta(theta, sigma)
        prophet.fit(rows, self.y, there, left, design, scales(self.points[None]), parameters, self.growth, TAU, False, *out, threads)
        return replace(self, theta=theta[0], sigma=float(sigma[0]), criterion=float(out[0][0]), slack=float(out[1][0]))

    def minus_log_posterior(self, theta, sigma) -> float:
        """As in the paper: rates and offsets of the trend at every time, Stan's priors."""
        k, m, beta, delta = theta[0], theta[1], theta[2 : 2 + self.X.shape[1]], theta[2 + self.X.shape[1] :]
        passed = self.t[:, None] >= self.points
        rate = k + passed @ delta
        if self.growth == "logistic":
            gamma, offset = [], m
            for j, point in enumerate(self.points):
                before = k + delta[:j].sum()
                gamma.append((point - offset) * (1 - before / (before + delta[j])))
                offset += gamma[-1]
            trend = self.cap / (1 + np.exp(-rate * (self.t - (m + passed @ np.array(gamma)))))
        else:
            trend = rate * self.t + m - passed @ (self.points * delta) if self.growth == "linear" else np.full(len(self.t), m)
        fit = trend * (1 + self.X @ (beta * self.multiplicative)) + self.X @ (beta * ~self.multiplicative)
        seen = np.isfinite(self.y)
        squares = ((self.y - fit)[seen] ** 2).sum()
        priors = (k**2 + m**2) / 50 + np.abs(delta).sum() / TAU + 0.005 * (beta**2).sum() + 2 * sigma**2
        return seen.sum() * np.log(sigma) + squares / (2 * sigma**2) + priors

    @property
    def value(self) -> float:
        return self.minus_log_posterior(self.theta, self.sigma)


def case(seed=0, n=80, growth="linear", multiplicative=(False, False, False), points=8) -> Case:
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, n)
    X = np.column_stack([np.sin(2 * np.pi * 9 * t), np.cos(2 * np.pi * 9 * t), (rng.random(n) < 0.3).astype(float)])
    u = 0.3 + 0.6 * t - 1.5 * np.maximum(t - 0.4, 0) + 1.2 * np.maximum(t - 0.7, 0)
    trend = {"linear": u, "flat": np.full(n, 0.6), "logistic": 1 / (1 + np.exp(-3 * (u - 0.4)))}[growth]
    beta, flags = np.array([0.1, -0.05, 0.15]), np.array(multiplicative)
    y = trend * (1 + X @ (beta * flags)) + X @ (beta * ~flags) + 0.03 * rng.normal(size=n)
    y[rng.random(n) < 0.1] = np.nan
    where = np.linspace(0, 0.8, points + 1)[1:] if growth != "flat" else np.empty(0)
    return Case(t, y, X, flags, where, growth, np.full(n, 1.1) if growth == "logistic" else None)


CASES = [
    case(growth=growth, multiplicative=flags, seed=seed)
    for seed, growth in enumerate(("linear", "flat", "logistic"))
    for flags in ((False, False, False), (True, True, False), (True, True, True))
]
NAMES = [f"{one.growth}-{int(one.multiplicative.sum())}" for one in CASES]


@pytest.mark.parametrize("one", CASES, ids=NAMES)
def test_the_criterion_is_minus_the_log_posterior(one):
    found = one.found()
    assert found.criterion == pytest.approx(found.value, abs=1e-7)


@pytest.mark.parametrize("one", CASES, ids=NAMES)
def test_no_step_along_any_parameter_gains(one):
    found = one.found()
    assert found.slack < 1e-6
    for i in range(len(found.theta)):
        for step in (-1e-3, -1e-5, 1e-5, 1e-3):
            moved = found.theta.copy()
            moved[i] += step
            assert one.minus_log_posterior(moved, found.sigma) >= found.value - 1e-9, (i, step)
    for factor in (0.99, 0.9999, 1.0001, 1.01):
        assert one.minus_log_posterior(found.theta, found.sigma * factor) >= found.value - 1e-9


@pytest.mark.parametrize("one", CASES, ids=NAMES)
def test_a_general_minimiser_finds_nothing_better(one):
    optimize = pytest.importorskip("scipy.optimize")
    found, columns = one.found(), 2 + one.X.shape[1]

    def value(z):  # changepoints as differences of two positive parts, so that it is smooth
        theta = np.r_[z[:columns], z[columns:-1][: len(one.points)] - z[columns:-1][len(one.points) :]]
        both = z[columns:-1].sum() - np.abs(theta[columns:]).sum()
        return one.minus_log_posterior(theta, np.exp(z[-1])) + both / TAU

    delta = found.theta[columns:]
    start = np.r_[found.theta[:columns], np.maximum(delta, 0), np.maximum(-delta, 0), np.log(found.sigma)]
    bounds = [(None, None)] * columns + [(0, None)] * (2 * len(delta)) + [(None, None)]
    for nudge in (0.0, 0.02):
        z = start + nudge * np.random.default_rng(0).random(len(start))
        best = optimize.minimize(value, z, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000, "maxfun": 200_000})
        assert best.fun >= found.value - 1e-5


def test_it_finds_the_trend_that_made_the_series():
    found = case(n=2000, multiplicative=(True, True, False)).found()
    np.testing.assert_allclose(found.theta[2:5], [0.1, -0.05, 0.15], atol=0.01)
    assert found.sigma == pytest.approx(0.03, rel=0.05)


def quantiles_of(points, delta, sigma, t, levels, growth="linear", cap=None, samples=1000, seed=0, k=0.5, m=0.1):
    """Of a series without columns, of the times `t` after 1."""
    theta, steps = np.r_[k, m, delta][None].copy(), len(t)
    design = prophet.Design(t, np.zeros((steps, 0)), np.zeros((steps, 0)), np.ones((1, 0), bool), np.empty(0), np.empty(0, bool))
    rows = prophet.Rows(np.array([0, steps]), np.zeros(1, np.int64), None, None if cap is None else cap.ravel())
    mean, quantiles = np.empty((1, steps)), np.empty((1, steps, len(levels)))
    prophet.ahead(
        rows, design, scales(points[None]), prophet.Theta(theta, np.array([sigma])), growth, np.ones(1), np.array(levels), samples, seed,
        mean, quantiles,
    )  # fmt: skip
    return mean[0], quantiles[0]


def simulated(points, delta, sigma, t, levels, link, paths=200_000):
    """The future as the package draws it: changes at the rate of the past, of the mean size of those there were."""
    rng = np.random.default_rng(1)
    trend = np.zeros((paths, len(t)))
    count = rng.poisson(len(points) * (t[-1] - 1), paths)
    for path in np.flatnonzero(count):
        at = rng.uniform(1, t[-1], count[path])
        trend[path] = np.maximum(t - at[:, None], 0).T @ rng.laplace(0, np.abs(delta).mean(), count[path])
    return np.quantile(link(trend) + sigma * rng.normal(size=trend.shape), levels, axis=0).T


@pytest.mark.parametrize("size", [0.02, 0.5, 10.0])
def test_quantiles_are_those_of_the_simulated_future(size):
    points, t, levels = np.linspace(0.1, 0.8, 8), np.array([1.02, 1.2, 1.6]), [0.02, 0.1, 0.25, 0.5, 0.9, 0.98]
    delta = size * np.array([1, -1, 0, 0, 2, 0, -1, 0.5])
    mean, quantiles = quantiles_of(points, delta, 0.1, t, levels)
    expected = simulated(points, delta, 0.1, t, levels, lambda change: mean + change)
    width = expected[:, -1] - expected[:, 0]
    np.testing.assert_allclose(quantiles / width[:, None], expected / width[:, None], atol=0.012)
    assert (np.diff(quantiles, axis=1) > 0).all()


def test_without_changes_quantiles_are_normal():
    _, quantiles = quantiles_of(np.array([0.5]), np.zeros(1), 2.0, np.array([1.5]), [0.025, 0.1, 0.975], k=0, m=0)
    np.testing.assert_allclose(quantiles[0], [-3.919928, -2.563103, 3.919928], atol=1e-5)


def test_logistic_quantiles_are_simulated_from_the_seed():
    points, t, levels = np.linspace(0.1, 0.8, 8), np.array([1.05, 1.4]), [0.1, 0.5, 0.9]
    delta, cap = 0.8 * np.array([1, -1, 0, 0, 2, 0, -1, 0.5]), np.full((1, 2), 2.0)
    mean, quantiles = quantiles_of(points, delta, 0.05, t, levels, "logistic", cap, 20_000)
    u = np.log(mean / (2 - mean))
    expected = simulated(points, delta, 0.05, t, levels, lambda change: 2 / (1 + np.exp(-u - change)))
    np.testing.assert_allclose(quantiles, expected, atol=0.02)
    again = quantiles_of(points, delta, 0.05, t, levels, "logistic", cap, 20_000)[1]
    np.testing.assert_array_equal(again, quantiles)
    shorter = quantiles_of(points, delta, 0.05, t[:1], levels, "logistic", cap[:, :1].copy(), 20_000)[1]
    np.testing.assert_array_equal(shorter, quantiles[:1])
    assert (quantiles_of(points, delta, 0.05, t, levels, "logistic", cap, 20_000, seed=1)[1] != quantiles).all()


def test_simulated_quantiles_lie_between_order_statistics_as_in_numpy():
    points, delta, t, cap = np.linspace(0.1, 0.8, 4), np.array([3.0, -2, 0, 9]), np.array([1.1, 1.9]), np.full((1, 2), 2.0)
    levels, samples = [0.005, 0.1, 0.37, 0.5, 0.995], 101
    every = quantiles_of(points, delta, 0.05, t, np.linspace(0, 1, samples), "logistic", cap, samples)[1]
    assert (np.diff(every, axis=1) >= 0).all()
    some = quantiles_of(points, delta, 0.05, t, levels, "logistic", cap, samples)[1]
    np.testing.assert_allclose(some, np.quantile(every, levels, axis=1).T, rtol=1e-12)
    mean, still = quantiles_of(points, 0 * delta, 0.0, t, levels, "logistic", cap, samples)
    np.testing.assert_array_equal(still, np.repeat(mean[:, None], len(levels), axis=1))


def block(rng, series, shortest=0, gaps=0.1):
    """Many series on one grid."""
    sizes = np.where(rng.random(series) < 0.7, 90, rng.integers(shortest, 90, series))
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    y = rng.normal(0.5, 0.1, indptr[-1])
    y[rng.random(len(y)) < gaps] = np.nan
    return y, indptr, 90 - sizes


def fitted(y, indptr, first, growth="linear", multiplicative=False, threads=1, size=1.0, shift=0.0, floor=None, left=()):
    series, columns, points = len(first), 4, 6
    day = np.arange(90.0)
    shared = np.column_stack([np.sin(day), np.cos(day), np.sin(2 * day), np.cos(2 * day)])
    flags = np.full(columns, multiplicative)
    design = prophet.Design(day, shared, np.zeros((len(y), 0)), np.ones((series, columns), bool), np.full(columns, 0.01), flags)
    theta, sigma = np.zeros((series, 2 + columns + points)), np.ones(series)
    theta[:, 0] = 1.0 if growth == "logistic" else 0.0
    where = np.tile(np.linspace(0.1, 0.8, points), (series, 1))
    out = [np.full(series, np.nan), np.empty(series), np.empty(series, np.int64)]
    cap = None if growth != "logistic" else 1.5 * size + shift + (np.zeros(len(y)) if floor is None else floor)
    prophet.fit(
        prophet.Rows(indptr, first, floor, cap), y, np.isfinite(y), np.isin(np.arange(series), left), design,
        scales(where, 89.0, size, shift), prophet.Theta(theta, sigma), growth, TAU, False, *out, threads,
    )  # fmt: skip
    return theta, sigma, out[0]


@pytest.mark.parametrize(("growth", "multiplicative"), [("linear", False), ("linear", True), ("logistic", False)])
def test_neither_threads_nor_neighbours_change_a_bit(growth, multiplicative):
    y, indptr, first = block(np.random.default_rng(0), 60)
    whole = fitted(y, indptr, first, growth, multiplicative)
    for one, other in zip(whole, fitted(y, indptr, first, growth, multiplicative, threads=3), strict=True):
        np.testing.assert_array_equal(one, other)
    for s in (0, 17, 59):
        rows = slice(indptr[s], indptr[s + 1])
        alone = fitted(y[rows], np.array([0, indptr[s + 1] - indptr[s]]), first[s : s + 1], growth, multiplicative)
        for one, other in zip(whole, alone, strict=True):
            np.testing.assert_array_equal(one[s], other[0])


@pytest.mark.parametrize("growth", ["linear", "logistic"])
def test_values_are_measured_by_the_scales(growth):
    rng = np.random.default_rng(1)
    y, indptr, first = block(rng, 20)
    floor = rng.integers(-3, 4, len(y)).astype(np.float64)
    plain = fitted(y, indptr, first, growth)
    scaled = fitted(4 * y + 8 + floor, indptr, first, growth, size=4.0, shift=8.0, floor=floor)
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_a_series_left_alone_keeps_its_parameters():
    y, indptr, first = block(np.random.default_rng(2), 12)
    whole, some = fitted(y, indptr, first), fitted(y, indptr, first, left=(3, 7))
    assert not some[0][[3, 7]].any()
    assert (some[1][[3, 7]] == 1).all()
    assert np.isnan(some[2][[3, 7]]).all()
    rest = np.delete(np.arange(12), [3, 7])
    for one, other in zip(whole, some, strict=True):
        np.testing.assert_array_equal(one[rest], other[rest])


def observed(target, indptr, first, day, floor, cap, count, share, threads=1):
    """there, counts, ends, days, closest, extremes, changepoints"""
    series = len(first)
    out = (
        np.empty(len(target), bool), np.empty(series, np.int64), np.empty((series, 2), np.int64), np.empty((series, 2)), np.empty(series),
        np.empty((series, 5)), np.empty((series, count)),
    )  # fmt: skip
    prophet.observe(prophet.Rows(indptr, first, floor, cap), target, day, share, *out, threads)
    return out


def changepoints_of(day, count, share):
    """As the package spreads them: over the first `share` of the values, the first of these left out."""
    room = int(np.floor(len(day) * share))
    count = max(min(count, room - 1), 0)
    return day[np.linspace(0, room - 1, count + 1).round().astype(int)][1:] if count else day[:0]


VALUES = st.lists(st.one_of(st.floats(-9, 9), st.sampled_from([np.nan, 0.0, np.inf, 1e300])), max_size=30)


@settings(deadline=None, max_examples=150)
@given(st.lists(VALUES, min_size=1, max_size=5), st.booleans(), st.booleans(), st.integers(0, 6), st.floats(0, 1), st.integers(0, 99))
def test_what_series_are_measured_by_is_that_of_each_alone(series, floors, caps, count, share, seed):
    rng, sizes = np.random.default_rng(seed), [len(one) for one in series]
    target = np.array([value for one in series for value in one], np.float64)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    day, first = np.cumsum(rng.choice([0.25, 1.0, 7.0], 40)), rng.integers(0, 10, len(sizes))
    floor = rng.normal(0, 3, len(target)) if floors else None
    cap = np.where(rng.random(len(target)) < 0.1, np.nan, rng.normal(5, 5, len(target))) if caps else None
    found = observed(target, indptr, first, day, floor, cap, count, share)
    for one, other in zip(found, observed(target, indptr, first, day, floor, cap, count, share, threads=3), strict=True):
        np.testing.assert_array_equal(one, other)
    there, counts, ends, days, closest, extremes, points = found
    low_cap = np.full(len(target), -np.inf) if cap is None else cap
    zeros = np.zeros(len(target)) if floor is None else floor
    np.testing.assert_array_equal(there, np.isfinite(target) & (True if cap is None else cap > zeros))
    for s, size in enumerate(sizes):
        rows = indptr[s] + np.flatnonzero(there[indptr[s] : indptr[s + 1]])
        at = day[first[s] + rows - indptr[s]]
        assert counts[s] == len(rows) <= size
        assert closest[s] == np.min(np.diff(at), initial=np.inf)
        expected = np.full(count, np.nan)
        spread = changepoints_of(at, count, share)
        expected[: len(spread)] = spread
        np.testing.assert_array_equal(points[s], expected)
        if not len(rows):
            assert (ends[s] == 0).all()
            assert np.isnan(days[s]).all()
            assert np.isnan(extremes[s]).all()
            continue
        assert ends[s].tolist() == [rows[0], rows[-1]]
        assert days[s].tolist() == [at[0], at[-1]]
        values = target[rows]
        reach = np.abs(values - zeros[rows]).max()
        np.testing.assert_array_equal(extremes[s], [values.min(), values.max(), reach, zeros[rows].min(), low_cap[rows].max()])


WILD = st.one_of(st.floats(-2, 2), st.sampled_from([np.nan, 0.0, 1.0, -1.0, 1e300, -1e300, 1e-300, np.inf]))
SERIES = st.lists(st.lists(WILD, min_size=0, max_size=40), min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(SERIES, st.sampled_from(["linear", "logistic"]), st.booleans())
def test_wild_values_cost_neighbours_nothing(series, growth, multiplicative):
    good = np.random.default_rng(3).normal(0.5, 0.1, 60)
    sizes = [60, *map(len, series), 60]
    y = np.concatenate([good, *(np.array(one, np.float64) for one in series), good])
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    theta, sigma, criterion = fitted(y, indptr, np.zeros(len(sizes), np.int64), growth, multiplicative)
    alone = fitted(good, np.array([0, 60]), np.zeros(1, np.int64), growth, multiplicative)
    for s in (0, -1):
        np.testing.assert_array_equal(theta[s], alone[0][0])
        assert sigma[s] == alone[1][0]
    assert np.isfinite(criterion[[0, -1]]).all()


REFUSED = [
    ({"indptr": np.array([0, 79])}, "one entry per row"),
    ({"indptr": np.array([1, 80])}, "indptr"),
    ({"indptr": np.array([0, 80, 80])}, "indptr"),
    ({"first": np.array([5])}, "grid"),
    ({"growth": "cubic"}, "cubic"),
    ({"growth": "logistic"}, "cap"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_does_not_fit_is_refused(change, message):
    one, width = case(), 2 + 3 + 8
    given = {"indptr": np.array([0, 80]), "first": np.array([0]), "growth": "linear"} | change
    design = prophet.Design(one.t, np.zeros((80, 0)), one.X, np.ones((1, 3), bool), np.ones(3), one.multiplicative)
    out = [np.empty(1), np.empty(1), np.empty(1, np.int64)]
    rows, parameters = prophet.Rows(given["indptr"], given["first"], None, None), prophet.Theta(np.zeros((1, width)), np.ones(1))
    with pytest.raises(ValueError, match=message):
        prophet.fit(
            rows, one.y, np.isfinite(one.y), np.zeros(1, bool), design, scales(one.points[None]), parameters, given["growth"], TAU, False,
            *out,
        )  # fmt: skip

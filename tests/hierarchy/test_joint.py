"""Draws that add up, and the quantiles that are theirs."""

from __future__ import annotations

import numpy as np
import pytest
from trees import CROSSED, ids_of, table_of, tree_of

from forecaster.calibration import Spread
from forecaster.hierarchy.aggregation import nodes_of
from forecaster.hierarchy.joint import Joint
from forecaster.yardstick import Usual

KEYS = ["xp", "xq", "yp", "yq", "yr"]


def setting(windows=5, horizon=6, alike=0.0, seed=0):
    """Nodes of five series that all are 1 on average, and residuals that are as alike as is asked for."""
    rng, tree = np.random.default_rng(seed), tree_of(KEYS, CROSSED)
    nodes = nodes_of(table_of(rng.normal(10, 1, (5, 80)), ids_of(KEYS)), tree, range(len(tree.levels)))
    noise = alike * rng.normal(size=(windows, 1, horizon)) + np.sqrt(1 - alike**2) * rng.normal(size=(windows, 5, horizon))
    residuals = np.moveaxis(tree.add_up(np.moveaxis(noise, 1, 0)), 0, 1)
    usual = Usual.of(nodes, horizon)
    residuals /= usual.at(horizon)
    spread = Spread.of(residuals, np.zeros_like(residuals), np.ones(len(tree)), nodes.group_ptr)
    return tree, spread, usual, residuals


@pytest.mark.parametrize("windows", [1, 3, 40])
def test_every_draw_adds_up_and_quantiles_are_those_of_the_draws(windows):
    tree, spread, usual, residuals = setting(windows)
    joint = Joint.of(tree, spread, usual, residuals, seed=3)
    mean = tree.add_up(np.arange(10.0).reshape(5, 2))
    draws = joint.draws(mean)
    np.testing.assert_allclose(draws, tree.add_up(draws[tree.upper :]), atol=1e-9)
    np.testing.assert_allclose(joint.quantiles(mean, [0.1, 0.9]), np.moveaxis(np.quantile(draws, [0.1, 0.9], axis=2), 0, 2))
    assert draws.shape[2] >= 100


def test_a_seed_gives_the_same_draws():
    tree, spread, usual, residuals = setting(2)
    mean = np.zeros((len(tree), 2))
    one, same, other = (Joint.of(tree, spread, usual, residuals, seed).draws(mean) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def width(alike):
    """Width of the 80% interval of the total, in that of a series."""
    tree, spread, usual, residuals = setting(60, alike=alike)
    low, high = np.moveaxis(Joint.of(tree, spread, usual, residuals, 0).quantiles(np.zeros((len(tree), 1)), [0.1, 0.9])[:, 0], 1, 0)
    wide = high - low
    return wide[0] / wide[tree.upper :].mean()


def test_series_that_are_off_together_make_a_wide_total():
    assert width(0.0) == pytest.approx(np.sqrt(5), rel=0.2)
    assert width(1.0) == pytest.approx(5, rel=0.1)


def test_a_series_without_residuals_has_quantiles_too():
    tree, spread, usual, residuals = setting()
    residuals[:, tree.upper] = np.nan
    assert np.isfinite(Joint.of(tree, spread, usual, residuals, 0).quantiles(np.zeros((len(tree), 3)), [0.01, 0.99])).all()

"""Reconciled forecasts against the dense formulas, and the identities that hold for every hierarchy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from trees import CROSSED, NESTED, dense, hierarchies, ids_of, keys, seeds, table_of, tree_of

from forecaster.errors import SettingsError
from forecaster.hierarchy.covariance import LEAST, PRIOR, Covariance, shrinkage
from forecaster.hierarchy.plan import WEIGHING, Hierarchy
from forecaster.hierarchy.reconcile import ForecastShares, Projection, Shares, reconciler

KEYS = ["xp", "xq", "yp", "yp", "yq", "yr", "zr"]


def matrix(covariance):
    return np.diag(covariance.own) + covariance.shared @ covariance.shared.T


def covariances(tree, rng, residuals=7):
    errors = rng.normal(size=(len(tree), residuals)) * rng.lognormal(0, 2, len(tree))[:, None]
    ones = np.ones(len(tree))
    return {
        "ols": Covariance.equal(len(tree)),
        "wls_struct": Covariance.structural(tree.add_up(np.ones(tree.node.shape[1]))),
        "wls_var": Covariance.of_variances(errors[..., None], ones),
        "mint_shrink": Covariance.shrunk(errors[..., None], ones),
    }


def test_the_sums_are_what_one_would_write_down():
    tree = tree_of(["xp", "xq", "yq"], NESTED)
    assert tree.sums.toarray().astype(int).tolist() == [
        [1, 1, 1],
        [1, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]
    assert tree.ids["a"].tolist() == [None, "x", "y", "x", "x", "y", "x", "x", "y"]
    assert tree.ids["b"].tolist() == [None, None, None, "p", "q", "q", "p", "q", "q"]
    assert tree.ids["level"].tolist() == ["total", "a", "a", "b", "b", "b", "series", "series", "series"]


@given(keys, hierarchies, seeds)
def test_projections_are_the_dense_ones(keys, hierarchy, seed):
    rng, tree = np.random.default_rng(seed), tree_of(keys, hierarchy)
    base = rng.normal(size=(len(tree), 3)) * 10
    for name, covariance in covariances(tree, rng).items():
        made = tree.add_up(Projection(tree, covariance).series(base))
        np.testing.assert_allclose(made, dense(tree, matrix(covariance), base), rtol=1e-6, atol=1e-6, err_msg=name)


@given(keys, hierarchies, seeds)
def test_forecasts_that_add_up_stay_as_they_are(keys, hierarchy, seed):
    rng, tree = np.random.default_rng(seed), tree_of(keys, hierarchy)
    series = rng.normal(size=(len(keys), 2))
    for name, covariance in covariances(tree, rng).items():
        np.testing.assert_allclose(Projection(tree, covariance).series(tree.add_up(series)), series, atol=1e-8, err_msg=name)


@given(keys, hierarchies, seeds)
def test_least_squares_move_as_little_as_possible(keys, hierarchy, seed):
    """The way from the base forecasts to the reconciled ones is at right angles to everything that adds up."""
    rng, tree = np.random.default_rng(seed), tree_of(keys, hierarchy)
    base = rng.normal(size=(len(tree), 1))
    made = tree.add_up(Projection(tree, Covariance.equal(len(tree))).series(base))
    np.testing.assert_allclose(tree.sums.T @ (base - made), 0, atol=1e-9)


@pytest.mark.parametrize("how", WEIGHING)
def test_what_was_asked_for_is_what_is_done(how):
    tree, rng = tree_of(KEYS), np.random.default_rng(0)
    errors = rng.normal(size=(len(tree), 9))
    errors[0, 2] = errors[5] = np.nan
    typical = np.full(len(tree), 0.5)
    made = reconciler(
        Hierarchy.of({"levels": CROSSED, "reconcile": how}), tree, table_of([[1.0]] * 7, ids_of(KEYS)), errors[..., None], typical
    )
    variance = (np.nansum(errors**2, 1) + PRIOR * 0.5) / (np.isfinite(errors).sum(1) + PRIOR)
    wanted = {
        "ols": np.eye(len(tree)),
        "wls_struct": np.diag(tree.sums.toarray().sum(1)),
        "wls_var": np.diag(variance),
        "mint_shrink": shrunk(np.nan_to_num(errors), variance),
    }[how]
    base = rng.normal(size=(len(tree), 4))
    np.testing.assert_allclose(tree.add_up(made.series(base)), dense(tree, wanted, base), atol=1e-9)


def shrunk(errors, variance):
    """The shrunk covariance by loops over all pairs (Schäfer & Strimmer 2005, section 2.4 and appendix A)."""
    standard, n = errors / np.sqrt(variance)[:, None], errors.shape[1]
    nodes, above, below = len(errors), 0.0, 0.0
    for i in range(nodes):
        for j in range(nodes):
            if i != j:
                products = standard[i] * standard[j]
                above += n / (n - 1) ** 3 * ((products - products.mean()) ** 2).sum()
                below += products.mean() ** 2
    share = max(min(1.0, above / below), LEAST)
    covariance = (1 - share) * errors @ errors.T / n
    covariance[np.diag_indices(nodes)] = share * variance + (1 - share) * (errors**2).mean(1)
    return covariance


@given(keys, seeds)
def test_the_shrinkage_is_that_of_all_pairs(keys, seed):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(1, 25))
    errors = common * rng.uniform(0, 3) + rng.normal(size=(len(keys) + 2, 25))
    standard = errors / np.sqrt((errors**2).mean(1))[:, None]
    variance = (errors**2).mean(1)
    alike = shrunk(errors, variance)
    i, j = 0, 1
    by_pairs = 1 - alike[i, j] / (errors[i] @ errors[j] / 25)
    assert max(shrinkage(standard), LEAST) == pytest.approx(by_pairs, abs=1e-9)


def test_without_residuals_the_structure_weighs():
    tree = tree_of(KEYS)
    plan = Hierarchy.of({"levels": CROSSED, "reconcile": "mint_shrink"})
    made = reconciler(plan, tree, table_of([[1.0]] * 7, ids_of(KEYS)), np.empty((len(tree), 0, 3)), np.ones(len(tree)))
    assert made.covariance.own.tolist() == tree.sums.toarray().sum(1).tolist()


ROWS = [[1.0, 3.0], [3.0, 1.0], [0.0, 0.0], [0.0, 0.0], [5.0, np.nan], [0.0, 4.0], [2.0, 2.0]]


def test_shares_of_means_and_means_of_shares():
    tree, table = tree_of(KEYS, NESTED), table_of(ROWS, ids_of(KEYS))
    base = np.zeros((len(tree), 1))
    base[0] = 100.0
    # a missing value is the last one known: the fifth series has 5, 5, and the total 11 and 15
    of_means = Shares.historical(table, tree, 0, "proportion_averages").series(base)[:, 0]
    np.testing.assert_allclose(of_means, 100 * np.array([4, 4, 0, 0, 10, 4, 4]) / 26)
    of_shares = Shares.historical(table, tree, 0, "average_proportions").series(base)[:, 0]
    ratios = (np.array([[1, 3, 0, 0, 5, 0, 2], [3, 1, 0, 0, 5, 4, 2]]) / [[11], [15]]).mean(0)
    np.testing.assert_allclose(of_shares, 100 * ratios)


@pytest.mark.parametrize("how", ["proportion_averages", "average_proportions"])
def test_a_node_of_nothing_is_shared_out_evenly(how):
    keys = ["xp", "xq", "yp"]
    tree, table = tree_of(keys, ["a"]), table_of([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]], ids_of(keys))
    base = np.array([[np.nan], [8.0], [5.0], [np.nan], [np.nan], [np.nan]])
    assert Shares.historical(table, tree, 1, how).series(base)[:, 0].tolist() == [4.0, 4.0, 5.0]


@given(keys, hierarchies, seeds)
def test_shares_keep_the_level_that_they_share_out(keys, hierarchy, seed):
    rng, tree = np.random.default_rng(seed), tree_of(keys, hierarchy)
    table = table_of(rng.poisson(1, (len(keys), 6)).tolist(), ids_of(keys))
    base = rng.uniform(0, 9, (len(tree), 2))
    for level in range(len(tree.levels)):
        for how in ("proportion_averages", "average_proportions"):
            made = tree.add_up(Shares.historical(table, tree, level, how).series(base))
            kept = tree.nodes([level])
            np.testing.assert_allclose(made[kept], base[kept], atol=1e-9)


def test_shares_of_forecasts_go_down_level_by_level():
    keys = ["xp", "xq", "yp"]
    tree = tree_of(keys, NESTED)
    # total 12; a: x 2, y 1; a and b: xp 3, xq 1, yp 7; the series 1 each
    base = np.array([12.0, 2, 1, 3, 1, 7, 1, 1, 1])[:, None]
    assert ForecastShares(tree, 0).series(base)[:, 0].tolist() == [6.0, 2.0, 4.0]
    assert ForecastShares(tree, 1).series(base)[:, 0].tolist() == [1.5, 0.5, 1.0]


def test_shares_of_forecasts_need_a_tree():
    with pytest.raises(SettingsError, match="'b' does not lie within 'a'"):
        ForecastShares(tree_of(KEYS, CROSSED), 0)

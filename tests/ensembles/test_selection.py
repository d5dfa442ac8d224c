"""One learner per group."""

from __future__ import annotations

import numpy as np

from forecaster.ensembles import select

NAN, INF = np.nan, np.inf


def test_the_lowest_error_wins_if_it_beats_the_baseline_by_the_margin():
    errors = np.array([[1.0, 1.0, 1.0, 1.0], [0.9, 0.995, 1.2, 0.8], [0.8, 0.999, 1.1, 0.8]])
    assert select(errors, margin=0.01).tolist() == [2, 0, 0, 1]


def test_without_margin_any_better_one_wins():
    assert select(np.array([[1.0, 1.0], [0.999, 1.0]]), margin=0).tolist() == [1, 0]


def test_ties_go_to_the_simpler():
    assert select(np.array([[2.0], [1.0], [1.0]])).tolist() == [1]


def test_a_learner_that_failed_is_not_chosen():
    errors = np.array([[1.0, NAN, INF, NAN], [NAN, 0.5, 0.5, INF], [INF, INF, NAN, NAN]])
    assert select(errors).tolist() == [0, 1, 1, 0]


def test_errors_below_zero_are_of_metrics_to_maximise():
    assert select(np.array([[-0.5, -0.5], [-0.502, -0.6]]), margin=0.01).tolist() == [0, 1]


def test_another_baseline():
    assert select(np.array([[0.995], [1.0]]), margin=0.01, baseline=1).tolist() == [1]

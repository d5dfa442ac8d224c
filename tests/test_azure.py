"""`Forecaster.from_azure`: the dictionaries that Microsoft publishes, and what becomes of each setting."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from forecaster import Featurization, Forecaster, RollingOrigin
from forecaster.azure import translate
from forecaster.azure.names import CLOUD, METRICS, MODELS, RENAMED
from forecaster.azure.rules import RULES
from forecaster.errors import ForecasterError, SettingsError, UnknownName
from forecaster.learners import CATALOGUE
from forecaster.settings import Settings
from forecaster.tuning import Tuning

# The training notebook of solution-accelerator-many-models, in its first and in its last form (facts: names and values).
FIRST = {
    "task": "forecasting",
    "primary_metric": "normalized_root_mean_squared_error",
    "iteration_timeout_minutes": 10,
    "iterations": 15,
    "experiment_timeout_hours": 1,
    "label_column_name": "Quantity",
    "n_cross_validations": 3,
    "time_column_name": "WeekStarting",
    "max_horizon": 20,
    "track_child_runs": False,
    "grain_column_names": ["Store", "Brand"],
    "partition_column_names": ["Store", "Brand"],
    "pipeline_fetch_max_batch_size": 15,
}
LAST = {
    "task": "forecasting",
    "primary_metric": "normalized_root_mean_squared_error",
    "iteration_timeout_minutes": 10,
    "iterations": 15,
    "experiment_timeout_hours": 0.25,
    "label_column_name": "Quantity",
    "n_cross_validations": "auto",
    "cv_step_size": "auto",
    "time_column_name": "WeekStarting",
    "drop_column_names": "Revenue",
    "forecast_horizon": 6,
    "time_series_id_column_names": ["Store", "Brand"],
    "track_child_runs": False,
    "pipeline_fetch_max_batch_size": 15,
}
# The sample of hierarchical series in Microsoft's documentation of the first SDK, and the YAML of the second one.
LEVELS = {
    "task": "forecasting",
    "primary_metric": "normalized_root_mean_squared_error",
    "label_column_name": "quantity",
    "time_column_name": "date",
    "forecast_horizon": 7,
    "hierarchy_column_names": ["state", "store_id", "product_category", "SKU"],
    "hierarchy_training_level": "SKU",
    "track_child_runs": False,
    "pipeline_fetch_max_batch_size": 15,
    "model_explainability": True,
    "iteration_timeout_minutes": 10,
    "iterations": 10,
    "n_cross_validations": "auto",
    "cv_step_size": "auto",
}
YAML = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/autoMLForecastingJob.schema.json",
    "type": "automl",
    "description": "A time-series forecasting job config",
    "compute": "azureml:cluster-name",
    "task": "forecasting",
    "primary_metric": "normalized_root_mean_squared_error",
    "log_verbosity": "info",
    "target_column_name": "sales",
    "n_cross_validations": 3,
    "forecasting": {"time_column_name": "date", "time_series_id_column_names": ["state", "store", "SKU"], "forecast_horizon": 28},
    "training": {"blocked_training_algorithms": ["ExtremeRandomTrees"]},
    "limits": {
        "timeout_minutes": 15,
        "max_trials": 10,
        "max_concurrent_trials": 4,
        "max_cores_per_trial": -1,
        "trial_timeout_minutes": 15,
        "enable_early_termination": True,
    },
    "hierarchy_column_names": ["state", "store", "SKU"],
    "hierarchy_training_level": "store",
}
LEAST = {"label_column_name": "y", "time_column_name": "ds"}


def quiet(settings, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Forecaster.from_azure(settings, **options).settings


def test_the_first_dictionary_of_the_accelerator():
    assert quiet(FIRST) == Settings.parse(
        {"horizon": 20, "series": ["Store", "Brand"], "time": "WeekStarting", "target": "Quantity", "metric": "nrmse"}
        | {"backtest": RollingOrigin(windows=3), "time_limit": 3600.0}
    )


def test_the_last_dictionary_of_the_accelerator():
    assert quiet(LAST) == Settings.parse(
        {"horizon": 6, "series": ["Store", "Brand"], "time": "WeekStarting", "target": "Quantity", "drop": ["Revenue"]}
        | {"backtest": RollingOrigin(windows="auto"), "time_limit": 900.0}
    )


def test_the_hierarchies_of_the_documentation():
    leaf = quiet(LEVELS)
    assert leaf.series == ("state", "store_id", "product_category", "SKU")
    assert (leaf.hierarchy.reconcile, leaf.hierarchy.levels) == ("bottom_up", leaf.series)
    middle = quiet(YAML)
    assert (middle.hierarchy.reconcile, middle.hierarchy.level, middle.hierarchy.shares) == ("middle_out", "store", "proportion_averages")
    assert (middle.block, middle.time_limit, middle.n_jobs, middle.target) == (("extra_trees",), 900.0, -1, "sales")


@pytest.mark.parametrize(
    ("more", "option", "value"),
    [
        ({"primary_metric": "NormalizedMeanAbsoluteError"}, "metric", "nmae"),
        ({"primary_metric": "spearman_correlation"}, "metric", "spearman"),
        ({"forecast_horizon": "auto"}, "horizon", 1),
        ({}, "horizon", 1),
        ({}, "series", ()),
        ({"grain_column_names": "store"}, "series", ("store",)),
        ({"partition_column_names": ["store"]}, "series", ("store",)),
        ({"freq": "W-THU", "target_aggregation_function": "sum"}, "aggregate", "sum"),
        ({"frequency": "D"}, "freq", "D"),
        ({"target_lags": [1, 2]}, "lags", (1, 2)),
        ({"target_lags": 3}, "lags", (3,)),
        ({"target_lags": None}, "lags", None),
        ({"target_rolling_window_size": 4}, "windows", {"min": (4,), "max": (4,), "sum": (4,)}),
        ({"target_rolling_window_size": "auto"}, "windows", "auto"),
        ({"seasonality": "auto"}, "season_length", None),
        ({"seasonality": None}, "season_length", 1),
        ({"seasonality": 52}, "season_length", 52),
        ({"holiday_country": "US"}, "holidays", "US"),
        ({"features_unknown_at_forecast_time": ["rides"]}, "past", ("rides",)),
        ({"n_cross_validations": 5, "cv_step_size": 2}, "backtest", RollingOrigin(windows=5, step=2)),
        ({"cv_step_size": 2}, "backtest", RollingOrigin(windows="auto", step=2)),
        ({"allowed_models": ["AutoArima", "Arimax", "XGBoostRegressor"]}, "learners", ("arima", "xgboost")),
        ({"allowed_models": ["Naive"], "enable_dnn": True}, "learners", ("naive", "tcn")),
        ({"blacklist_models": "ExtremeRandomTrees"}, "block", ("extra_trees",)),
        ({"enable_voting_ensemble": False}, "ensemble", None),
        ({"enable_voting_ensemble": True, "enable_stack_ensemble": False}, "ensemble", "voting"),
        ({"forecast_quantiles": [0.05, 0.5]}, "quantiles", (0.05, 0.5)),
        ({"experiment_timeout_hours": 1, "experiment_timeout_minutes": 30}, "time_limit", 5400.0),
        ({"featurization": "off"}, "featurization", "off"),
        ({"featurization": {"mode": "off"}}, "featurization", "off"),
        ({"use_stl": None}, "featurization", "auto"),
        ({"use_stl": "season"}, "featurization", Featurization(stl="season")),
        ({"use_stl": "season_trend", "featurization": "auto"}, "featurization", Featurization(stl="season_trend")),
        ({"featurization": "off", "use_stl": "season"}, "featurization", Featurization(stl="season", calendar=False, static=False)),
        ({"forecasting_parameters": {"forecast_horizon": 3}}, "horizon", 3),
        ({"forecasting_parameters": None}, "horizon", 1),
        ({"test_size": 0.2, "ensemble_iterations": 15, "early_stopping_n_iters": 10}, "horizon", 1),
        ({"stack_meta_learner_train_percentage": 0.2, "enforce_time_on_windows": True, "resources": {}}, "horizon", 1),
        ({"max_cores_per_iteration": 4}, "n_jobs", 4),
        ({"training": {"blocked_training_algorithms": ["extreme_random_trees", "auto_arima"]}}, "block", ("extra_trees", "arima")),
        ({"allowed_models": ["k_n_n"]}, "learners", ("knn",)),
        ({"test_data_size": 0.2}, "horizon", 1),
        ({"forecast_quantiles": None}, "quantiles", (0.1, 0.5, 0.9)),
        ({"primary_metric": None}, "metric", "nrmse"),
        ({"experiment_exit_score": 0.08}, "tune", Tuning(trials=0, target=0.08)),
        ({"experiment_exit_score": None}, "tune", None),
    ],
)
def test_a_setting_becomes_an_option(more, option, value):
    assert getattr(quiet(LEAST | more), option) == value


@pytest.mark.parametrize(
    ("level", "method", "wanted"),
    [
        (None, None, ("auto", None, "proportion_averages")),
        ("total", "average_historical_proportions", ("top_down", None, "average_proportions")),
        ("AUTOML_TOP_LEVEL", None, ("top_down", None, "proportion_averages")),
        ("state", "proportions_of_historical_average", ("middle_out", "state", "proportion_averages")),
        ("store", None, ("bottom_up", None, "proportion_averages")),
    ],
)
def test_a_training_level_becomes_a_way_to_add_up(level, method, wanted):
    more = {"hierarchy_column_names": ["state", "store"], "training_level": level, "allocation_method": method}
    plan = quiet(LEAST | {name: value for name, value in more.items() if value is not None}).hierarchy
    assert (plan.reconcile, plan.level, plan.shares) == wanted


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"feature_lags": "auto"}, "known_lags"),
        ({"weight_column_name": "weight"}, "no weights"),
        ({"short_series_handling_configuration": "drop"}, "never dropped"),
        ({"enable_dnn": True}, "tcn"),
        ({"featurization": {"blocked_transformers": ["LabelEncoder"]}}, "Featurization"),
        ({"validation_size": 0.2}, "backtest"),
        ({"validation_data_size": 0.2}, "backtest"),
        ({"forecast_mode": "rolling"}, r"roll\(data, step=...\)"),
        ({"step": 7}, r"roll\(data, step=...\)"),
        ({"sample_weight": [1, 2]}, "no weights"),
        ({"stack_meta_learner_type": "LightGBMRegressor", "enable_stack_ensemble": True}, "regression"),
        ({"allowed_models": ["FastLinearRegressor", "Naive"]}, "FastLinearRegressor"),
    ],
)
def test_what_would_change_the_forecasts_and_is_not_there_is_told(more, said):
    with pytest.warns(UserWarning, match=f"^{next(iter(more))}=.*{said}"):
        Forecaster.from_azure(LEAST | more)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (LEAST | {"max_horizn": 3}, "max_horizon"),
        (LEAST | {"primary_metric": "AUC_weighted"}, "primary_metric"),
        (LEAST | {"allowed_models": ["LightGMB"]}, "LightGBM"),
        (LEAST | {"task": "classification"}, "Classifier"),
        (LEAST | {"max_horizon": 3, "forecast_horizon": 4}, "give one of them"),
        (LEAST | {"allowed_models": ["Naive"], "blocked_models": ["SGD"]}, "one of them"),
        (LEAST | {"target_aggregation_function": "sum"}, "freq="),
        (LEAST | {"hierarchy_training_level": "state"}, "hierarchy_column_names"),
        (LEAST | {"hierarchy_column_names": ["a"], "allocation_method": "averages"}, "historical"),
        (LEAST | {"hierarchy_column_names": ["state", "store"], "hierarchy_training_level": "stte"}, "state"),
        (LEAST | {"forecast_horizon": -3}, "horizon"),
        (LEAST | {"forecasting_parameters": "ForecastingParameters()"}, "as a mapping"),
        (LEAST | {"use_stl": "trend"}, "came 'trend'"),
        ({"time_column_name": "ds"}, "label_column_name is absent"),
        ({"label_column_name": "y"}, "time_column_name is absent"),
        ("forecasting", "as a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, said):
    with pytest.raises(SettingsError, match=said):
        Forecaster.from_azure(settings)


def test_the_table_has_a_row_for_every_setting_and_says_why():
    told = Forecaster.from_azure(YAML).azure_
    flat = {**YAML, **YAML["forecasting"], **YAML["training"], **YAML["limits"]}
    assert set(told["setting"]) == set(flat) - {"forecasting", "training", "limits"}
    assert ((told["becomes"] != "") | (told["why"] != "")).all()
    row = told.set_index("setting").loc["forecast_horizon"]
    assert (row["value"], row["becomes"]) == ("28", "horizon=28")


def test_partitions_are_told_where_they_go():
    told = Forecaster.from_azure(FIRST).azure_.set_index("setting")["why"]
    assert "ManyModels(job, partition_by=['Store', 'Brand'])" in told["partition_column_names"]


def test_a_forecaster_of_other_origin_has_no_such_table():
    with pytest.raises(ForecasterError, match="from_azure"):
        Forecaster(horizon=1).azure_  # noqa: B018


def test_other_options_go_before():
    job = Forecaster.from_azure(LAST, known=["Price"], horizon=4)
    assert (job.settings.known, job.settings.horizon) == (("Price",), 4)


def test_every_name_leads_somewhere():
    assert set(RENAMED.values()) <= {*RULES, *CLOUD}
    assert not {*RENAMED} & {*RULES, *CLOUD}
    assert not {*RULES} & {*CLOUD}
    assert set(MODELS.values()) <= set(CATALOGUE)
    for name, ours in METRICS.items():
        assert translate(LEAST | {"primary_metric": name}).options["metric"] == ours


def test_a_dictionary_forecasts():
    rng = np.random.default_rng(0)
    weeks = pd.date_range("1990-06-14", periods=60, freq="W-THU")
    data = pd.concat(
        [
            pd.DataFrame({"WeekStarting": weeks, "Store": 1000 + s, "Brand": b, "Quantity": rng.poisson(90, 60)})
            for s in range(2)
            for b in "ab"
        ]
    ).assign(Revenue=1.0)
    made = Forecaster.from_azure(LAST, learners=["naive", "average"]).fit(data)
    assert len(made.predict()) == 4 * 6
    with pytest.raises(UnknownName):
        Forecaster.from_azure({**LAST, "label_colum_name": "Quantity"})

"""What becomes of each setting of Azure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forecaster.azure.names import ALLOCATION, GONE, METRICS, MODELS
from forecaster.ensembles import COMBINERS
from forecaster.errors import SettingsError, UnknownName
from forecaster.hierarchy.plan import SERIES, TOTAL

Given = Mapping[str, Any]
Made = tuple[Mapping[str, Any], str, bool]
"""Options of `Forecaster`, what to know, and whether the forecasts are others than the setting asked for."""
Rule = Callable[[Any, Given], Made]


def names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def series_of(given: Given) -> list[str]:
    """The columns that tell series apart: those named, else those of the hierarchy, else those of the partitions."""
    places = ("time_series_id_column_names", "hierarchy_column_names", "partition_column_names")
    return next((names(given[place]) for place in places if given.get(place)), [])


def _as(option: str, why: str = "") -> Rule:
    """The value as it is."""
    return lambda value, given: ({option: value}, why, False)


def _columns(option: str, why: str = "") -> Rule:
    return lambda value, given: ({option: names(value)}, why, False)


def _idle(why: str) -> Rule:
    """No option, and none is missed."""
    return lambda value, given: ({}, why, False)


def _nothing(why: str, plain: tuple[Any, ...] = (None, False)) -> Rule:
    """No option; it matters unless the value is one of the `plain` ones."""
    return lambda value, given: ({}, why, value not in plain)


def _task(value: Any, given: Given) -> Made:
    if str(value).lower() != "forecasting":
        raise SettingsError(f"task={value!r}: these are not the settings of a forecast; Classifier and Regressor are for the other tasks")
    return {}, "what a Forecaster does", False


def _letters(name: Any) -> str:
    """A name as it is compared: NormalizedRootMeanSquaredError is normalized_root_mean_squared_error."""
    return str(name).replace("_", "").lower()


def _plain(ours: Mapping[str, str]) -> dict[str, str]:
    return {_letters(name): our for name, our in ours.items()}


def _metric(value: Any, given: Given) -> Made:
    if value is None:
        return {}, "", False
    if (found := _plain(METRICS).get(_letters(value))) is None:
        raise UnknownName.of("primary_metric of forecasting", value, METRICS)
    return {"metric": found}, "", False


def _horizon(value: Any, given: Given) -> Made:
    auto = value in ("auto", None)
    return {"horizon": 1 if auto else value}, "Azure makes 1 of it" if auto else "", False


def _rolling(value: Any, given: Given) -> Made:
    plain = value in ("auto", None)
    return {"windows": value if plain else {how: [value] for how in ("min", "max", "sum")}}, "", False


def _backtest(value: Any, given: Given) -> Made:
    """Windows and steps between them are one option."""
    windows, step = given.get("n_cross_validations") or "auto", given.get("cv_step_size")
    return {"backtest": {"windows": windows, "step": None if step == "auto" else step}}, "", False


def _hours(value: Any, given: Given) -> Made:
    limit = 3600 * (given.get("experiment_timeout_hours") or 0) + 60 * (given.get("experiment_timeout_minutes") or 0)
    why = "per partition: give train(time_limit_per_group=) too, which ends what goes on" if given.get("partition_column_names") else ""
    return {"time_limit": float(limit) or None}, why, False


def _models(value: Any) -> tuple[list[str], list[str]]:
    """Our names, and those that Azure has dropped; a YAML job may write `auto_arima` for AutoArima."""
    known, gone, given = _plain(MODELS), {_letters(name) for name in GONE}, names(value)
    for name in given:
        if _letters(name) not in {*known, *gone}:
            raise UnknownName.of("forecasting model of Azure", name, MODELS)
    ours = [known[_letters(name)] for name in given if _letters(name) in known]
    return list(dict.fromkeys(ours)), [name for name in given if _letters(name) in gone]


def _allowed(value: Any, given: Given) -> Made:
    ours, gone = _models(value)
    if not ours:
        return {}, f"{', '.join(gone)}: not in Azure any more either; the portfolio is tried" if gone else "", bool(gone)
    wanted = ours if not given.get("enable_dnn") or "tcn" in ours else [*ours, "tcn"]
    return {"learners": wanted}, f"{', '.join(gone)}: not in Azure any more either" if gone else "", bool(gone)


def _blocked(value: Any, given: Given) -> Made:
    return {"block": _models(value)[0]}, "", False


def _dnn(value: Any, given: Given) -> Made:
    named = bool(given.get("allowed_models"))
    return {}, "joins the learners" if named else "learners='auto' has no TCN: name 'tcn' in learners=", bool(value) and not named


def _ensemble(value: Any, given: Given) -> Made:
    """Two switches are one option; stacking wins where both are on, as it takes the members of the vote."""
    stack, vote = given.get("enable_stack_ensemble"), given.get("enable_voting_ensemble", True)
    if stack and "stacking" not in COMBINERS:
        return {"ensemble": "voting" if vote else None}, "there is no stacking for forecasts; learners vote", True
    return {"ensemble": "stacking" if stack else "voting" if vote else None}, "", False


def _featurization(value: Any, given: Given) -> Made:
    """With the parts of the season and the trend, which are another setting there."""
    mode = value["mode"] if isinstance(value, Mapping) and [*value] == ["mode"] else value
    plain, stl = mode in ("auto", "off"), given.get("use_stl")
    why = "" if plain else "transformers of Azure are not run; say what features you want by featurization=Featurization(...)"
    base = mode if plain else "auto"
    made = {"stl": stl} | ({"calendar": False, "static": False} if base == "off" else {}) if stl else base
    return {"featurization": made}, why, not plain and mode is not None


def _stl(value: Any, given: Given) -> Made:
    why = "columns of the season, and of the trend, by means of the values up to the origin: a decomposition of all values knows what comes"
    return _featurization(given.get("featurization", "auto"), given)[0], why if value else "", False


def _stacked(value: Any, given: Given) -> Made:
    return (
        {},
        "stacking is a regression on what the learners say, its penalty found by leaving windows out",
        bool(given.get("enable_stack_ensemble")),
    )


def _seasonality(value: Any, given: Given) -> Made:
    return {"season_length": None if value == "auto" else 1 if value is None else value}, "", False


def _hierarchy(value: Any, given: Given) -> Made:
    columns, level, how = (given.get(name) for name in ("hierarchy_column_names", "hierarchy_training_level", "allocation_method"))
    if not columns:
        raise SettingsError(f"hierarchy settings without hierarchy_column_names: expected columns from the top down, got {columns!r}")
    if how is not None and how not in ALLOCATION:
        raise UnknownName.of("allocation_method", how, ALLOCATION)
    plan: dict[str, Any] = {"levels": names(columns), "shares": ALLOCATION[how or "proportions_of_historical_average"]}
    series = set(series_of(given)) <= set(plan["levels"])
    if level is None:
        return {"hierarchy": plan}, "no training level: all are trained, and made to add up", False
    if level in (plan["levels"][-1] if series else SERIES, SERIES):
        return {"hierarchy": plan | {"reconcile": "bottom_up"}}, "", False
    if level in (TOTAL, "AUTOML_TOP_LEVEL", "_ROOT_LEVEL"):
        return {"hierarchy": plan | {"reconcile": "top_down"}}, "", False
    return {"hierarchy": plan | {"reconcile": "middle_out", "level": level}}, "", False


def _partition(value: Any, given: Given) -> Made:
    why = f"ManyModels(job, partition_by={names(value)}) trains one model per value; a Forecaster alone trains one over all series"
    return {}, why if value else "", False


def _short(value: Any, given: Given) -> Made:
    return {}, "short series are forecast by a fallback, never padded, never dropped; findings_ names them", value in ("drop", "pad")


def _enough(value: Any, given: Given) -> Made:
    """A group whose score is good enough tries no further candidate."""
    return {} if value is None else {"tune": {"trials": 0, "target": value}}, "counts for each group; tune= searches for more", False


_SEARCH = "the portfolio is tried whole; tune={trials, patience} searches for hyperparameters beside it"

_TEST = "hold the last rows back yourself and give them to roll(data); backtest_ has forecasts that had not seen what came"

RULES: dict[str, Rule] = {
    "task": _task,
    "primary_metric": _metric,
    "label_column_name": _as("target"),
    "time_column_name": _as("time"),
    "time_series_id_column_names": _columns("series"),
    "partition_column_names": _partition,
    "forecast_horizon": _horizon,
    "freq": _as("freq"),
    "seasonality": _seasonality,
    "target_aggregation_function": _as("aggregate"),
    "target_lags": _as("lags"),
    "target_rolling_window_size": _rolling,
    "country_or_region_for_holidays": _as("holidays"),
    "drop_column_names": _columns("drop"),
    "features_unknown_at_forecast_time": _columns("past", "Azure knows all other columns in advance: name those in known="),
    "feature_lags": _nothing("Featurization(known_lags=..., past_lags=...) has lags of covariates"),
    "use_stl": _stl,
    "short_series_handling_configuration": _short,
    "short_series_handling": _short,
    "n_cross_validations": _backtest,
    "cv_step_size": _backtest,
    "validation_data": _nothing("the windows of the backtest are cut from the data"),
    "validation_size": _nothing("the windows of the backtest are cut from the data"),
    "cv_splits_indices": _nothing("the windows of the backtest are cut from the data"),
    "cv_split_column_names": _nothing("the windows of the backtest are cut from the data"),
    "test_data": _idle(_TEST),
    "test_size": _idle(_TEST),
    "weight_column_name": _nothing("rows have no weights"),
    "sample_weight": _nothing("rows have no weights"),
    "allowed_models": _allowed,
    "blocked_models": _blocked,
    "enable_dnn": _dnn,
    "enable_voting_ensemble": _ensemble,
    "enable_stack_ensemble": _ensemble,
    "ensemble_iterations": _idle("members of an ensemble are weighed by what they add"),
    "stack_meta_learner_type": _stacked,
    "stack_meta_learner_kwargs": _stacked,
    "stack_meta_learner_train_percentage": _stacked,
    "stack_ensemble_settings": _stacked,
    "featurization": _featurization,
    "forecast_quantiles": lambda value, given: ({} if value is None else {"quantiles": value}, "", False),
    "experiment_timeout_hours": _hours,
    "experiment_timeout_minutes": _hours,
    "iteration_timeout_minutes": _idle("one learner has no limit of its own; experiment_timeout_* is time_limit="),
    "iterations": _idle(_SEARCH),
    "enable_early_stopping": _idle(_SEARCH),
    "early_stopping_n_iters": _idle(_SEARCH),
    "experiment_exit_score": _enough,
    "max_concurrent_iterations": _idle("learners are tried one after another, each on all threads"),
    "max_cores_per_iteration": _as("n_jobs"),
    "hierarchy_column_names": _hierarchy,
    "hierarchy_training_level": _hierarchy,
    "allocation_method": _hierarchy,
    "hierarchy_forecast_level": _idle("predict gives every level: keep the rows of the one you want by the column level"),
    "forecast_mode": _nothing(
        "predict goes on by recursion past the horizon; a fitted job rolls by roll(data, step=...)", ("recursive", None)
    ),
    "inference_type": _nothing("predict forecasts", ("forecast", None)),
    "step": _nothing("of a rolling forecast: give it to roll(data, step=...)", (1, None)),
    "retrain_failed_models": _idle("run.retry_failed() does it, and train() goes on where it was"),
}
"""What becomes of a setting: options, what to know, and whether the forecasts are others than it asked for."""

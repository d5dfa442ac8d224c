from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecaster.backtest import RollingOrigin
from forecaster.errors import SettingsError, UnknownName
from forecaster.features.featurization import Featurization
from forecaster.frequency import Frequency
from forecaster.job import Forecaster
from forecaster.jobfile import JobFile
from forecaster.settings import Settings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": -3}, "horizon"),
        ({"horizon": "soon"}, "horizon"),
        ({}, "horizon"),
        ({"horizon": 3, "quantiles": [1.5]}, "quantiles"),
        ({"horizon": 3, "season_length": 0}, "season_length"),
        ({"horizon": 3, "time_limit": -1}, "time_limit"),
        ({"horizon": True}, "horizon: expected a number, got True"),
        ({"horizon": 3, "time_limit": True}, "time_limit: expected a number, got True"),
        ({"horizon": 3, "lower_bound": False}, "lower_bound: expected a number, got False"),
        ({"horizon": 3, "aggregate": "product"}, "aggregate"),
        ({"horizon": 3, "lags": [0]}, "lags"),
        ({"horizon": 3, "freq": 1.5}, "freq=1.5: expected a pandas alias such as 'D'"),
        ({"horizon": 3, "freq": "daily"}, "daily"),
        ({"horizon": 3, "freq": 0}, "freq"),
    ],
)
def test_a_value_that_cannot_be_meant_names_its_key(options, said):
    with pytest.raises(SettingsError, match=said):
        Settings.parse(options)


@pytest.mark.parametrize(
    ("freq", "alias"),
    [
        (pd.offsets.Day(), "D"),
        (pd.offsets.Week(weekday=2), "W-WED"),
        (pd.offsets.MonthBegin(), "MS"),
        (pd.Timedelta("1D"), "D"),
        (timedelta(minutes=20), "20min"),
        (np.timedelta64(1, "h"), "h"),
    ],
)
def test_a_frequency_may_be_an_offset_or_a_time_difference(freq, alias):
    assert Settings.parse({"horizon": 3, "freq": freq}).freq == alias


def test_a_frequency_comes_back_from_a_file():
    told = Settings.parse({"horizon": 3, "freq": Frequency("W-WED", phase=3)}).as_dict()
    assert Settings.parse(told).freq == Frequency("W-WED", phase=3)


@pytest.mark.parametrize(
    ("options", "near"),
    [
        ({"horizon": 3, "quantile": [0.5]}, "quantiles"),
        ({"horizon": 3, "learners": ["lightgmb"]}, "lightgbm"),
        ({"horizon": 3, "block": ["naiv"]}, "naive"),
        ({"horizon": 3, "metric": "nrsme"}, "nrmse"),
        ({"horizon": 3, "ensemble": "votin"}, "voting"),
        ({"horizon": 3, "metric": "MASE"}, "mase"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(options, near):
    with pytest.raises(UnknownName, match=f"did you mean .*{near}"):
        Settings.parse(options)


def test_one_name_stands_for_a_list():
    settings = Settings.parse({"horizon": 3, "series": "store", "learners": "naive", "lags": 7, "windows": {"mean": 7}})
    assert settings.series == ("store",)
    assert settings.learners == ("naive",)
    assert settings.lags == (7,)
    assert settings.windows == {"mean": (7,)}


def test_job_file_is_the_call(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(
        "task: forecast\npartition_by: [store]\nhorizon: 28\nseries: [store, item]\nbacktest: {windows: 2}\nquantiles: [0.9, 0.1]\n"
    )
    job = JobFile.read(path)
    assert job.partition_by == ("store",)
    assert job.settings == Settings.parse(
        {"horizon": 28, "series": ["store", "item"], "backtest": RollingOrigin(windows=2), "quantiles": (0.1, 0.9)}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("horizn: 3", "horizon"),
        ("- a", "key: value"),
        ("horizon: [", "YAML"),
        ("horizon: 0", "horizon"),
        ("horizon: 3\nseed: 1\nhorizon: 4", "'horizon' is there twice, in lines 1 and 3"),
        ("horizon: 3\ntune:\n  trials: 1\n  trials: 2", "'trials' is there twice, in lines 3 and 4"),
    ],
)
def test_job_file_errors_name_file_and_key(tmp_path, text, said):
    path = tmp_path / "job.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said) as told:
        JobFile.read(path)
    assert "job.yaml" in str(told.value)


def test_a_missing_job_file_says_so(tmp_path):
    with pytest.raises(SettingsError, match=r"nothing\.yaml"):
        JobFile.read(tmp_path / "nothing.yaml")


def test_the_signature_of_forecaster_is_the_settings():
    import inspect

    parameters = inspect.signature(Forecaster.__init__).parameters
    assert set(parameters) - {"self"} == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if name != "horizon":
            assert parameters[name].default == field.default, name


def test_repr_tells_what_differs():
    assert repr(Forecaster(horizon=3, metric="mase")) == "Forecaster(horizon=3, metric='mase')"


@pytest.mark.parametrize("name", ["forecast", "cutoff", "learner", "actual", "q0.1", "rule"])
def test_a_series_column_may_not_be_called_like_a_result(name):
    with pytest.raises(SettingsError, match=f"column '{name}' of series= .*rename it"):
        Settings.parse({"horizon": 3, "series": ["store", name]})


@pytest.mark.parametrize("options", [{"series": ["a", "a"]}, {"series": "ds"}, {"known": "price", "static": ["price"]}], ids=str)
def test_a_column_that_plays_two_parts_is_refused_at_once(options):
    with pytest.raises(SettingsError, match="expected one part for each column"):
        Settings.parse({"horizon": 3, **options})


def test_the_time_column_may_not_be_called_like_a_result():
    with pytest.raises(SettingsError, match=r"column 'q0\.25' of time="):
        Settings.parse({"horizon": 3, "time": "q0.25", "quantiles": 0.25})


def test_a_wrong_option_of_the_backtest_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"'window'; did you mean .*'windows'"):
        Settings.parse({"horizon": 3, "backtest": {"window": 3}})


@pytest.mark.parametrize(("options", "said"), [({"horizon": True}, "horizon"), ({"horizon": 3, "n_jobs": 0}, "n_jobs.*-1")])
def test_numbers_that_are_none(options, said):
    with pytest.raises(SettingsError, match=said):
        Settings.parse(options)


@pytest.mark.parametrize("several", [tuple, np.array, pd.Index, iter])
def test_lists_may_be_arrays_ranges_or_the_like(several):
    plain = Settings.parse({"horizon": 3, "lags": [1, 2], "quantiles": [0.1, 0.9], "windows": {"mean": [2, 3]}, "known": ["a", "b"]})
    given = {"lags": several([1, 2]), "quantiles": several([0.1, 0.9]), "windows": {"mean": several([2, 3])}, "known": several(["a", "b"])}
    assert Settings.parse({"horizon": 3, **given}) == plain
    covariates = Featurization(past_lags=several([1, 2]), past_windows={"std": several([4])})
    job = Settings.parse({"horizon": 3, "featurization": covariates})
    assert Settings.parse(job.as_dict()).design == job.design
    assert (job.design.past_lags, job.design.past_windows) == ((1, 2), (("std", (4,)),))
    assert Settings.parse({"horizon": 3, "lags": range(1, 3)}).lags == (1, 2)


def test_quantiles_of_one_name_are_one():
    assert len(Settings.parse({"horizon": 3, "quantiles": [0.3, 0.1 * 3, 0.5, 0.50000001]}).quantiles) == 2

"""The prophet learner: the package's own features, modes, forecasts and intervals; options; what happens to hard series."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from forecaster import Forecaster
from forecaster.errors import CannotPredict, MissingExtra, SettingsError, UnknownName
from forecaster.features.design import Design
from forecaster.frequency import Frequency
from forecaster.learners import build, make
from forecaster.learners.prophet import Event, Prophet, Regressor, Seasonality
from forecaster.table import Future
from forecaster.testing import PROMISES, promoted, sales, sound, table_of
from forecaster.testing.promises import is_the_same_after_saving

VARIANTS = {
    "flat": Prophet(growth="flat"),
    "multiplicative": Prophet(seasonality_mode="multiplicative"),
    "logistic": Prophet(growth="logistic", cap=3000.0),
    "floor": Prophet(growth="logistic", cap=1e13, floor=-100.0, seasonality_mode="multiplicative"),
    "minmax": Prophet(scaling="minmax"),
    "holidays": Prophet(holidays="US", events=(Event("fair", ("2024-09-20",), -1, 2),), weekly_seasonality=2),
    "no changepoints": Prophet(n_changepoints=0),
    "given changepoints": Prophet(changepoints=("2024-08-20", "2024-09-10", "2030-01-01")),
    "own season": Prophet(seasonalities=(Seasonality("month", 30.5, 3, mode="multiplicative"),), levels=(0.05, 0.95)),
}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_keeps_every_promise(name, promise):
    promise(VARIANTS[name])


def daily(days=900, series=3, seed=0, **fields):
    """Values with a bend, a week and a year, some of them missing; they end on 2024-10-03."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(series):
        day = np.arange(20_000 - days + 40 * i, 20_000)
        t = np.linspace(0, 1, len(day))
        level = 20 + 10 * t - 25 * np.maximum(t - 0.5, 0)
        season = 0.1 * np.sin(2 * np.pi * day / 7 + i) + 0.2 * np.cos(2 * np.pi * day / 365.25)
        values = 10.0**i * level * (1 + season) + 10.0**i * rng.normal(size=len(day))
        values[rng.random(len(day)) < 0.05] = np.nan
        made.append(values)
    return table_of(made, **fields)


def package(table, i, **options):
    """The package's model of one series, fitted."""
    prophet = pytest.importorskip("prophet")
    pandas = pytest.importorskip("pandas")
    country, regressors = options.pop("country", None), options.pop("regressors", ())
    model = prophet.Prophet(**options)
    if country:
        model.add_country_holidays(country)
    rows = slice(table.indptr[i], table.indptr[i + 1])
    frame = pandas.DataFrame({"ds": table.frequency.local(table.steps[rows]), "y": table.target[rows]})
    for name in regressors:
        model.add_regressor(name)
        frame[name] = table.known[name][rows].astype(float)
    if options.get("growth") == "logistic":
        frame["cap"] = 5000.0
    return model.fit(frame)


def minus_log_posterior(model, theta, sigma):
    """Of parameters [k, m | columns | changepoints] under the package's own design."""
    X, scales, parts, _ = model.make_all_seasonality_features(model.history)
    t, y, points = model.history["t"].to_numpy(), model.history["y_scaled"].to_numpy(), model.changepoints_t
    k, m, beta, delta = theta[0], theta[1], theta[2 : 2 + X.shape[1]], theta[2 + X.shape[1] :]
    if model.growth == "linear":
        trend = model.piecewise_linear(t, delta, k, m, points)
    elif model.growth == "logistic":
        trend = model.piecewise_logistic(t, model.history["cap_scaled"].to_numpy(), delta, k, m, points)
    else:
        trend = np.full(len(t), m)
    product, total = parts["multiplicative_terms"].to_numpy(), parts["additive_terms"].to_numpy()
    fit = trend * (1 + X.to_numpy() @ (beta * product)) + X.to_numpy() @ (beta * total)
    priors = (k**2 + m**2) / 50 + np.abs(delta).sum() / 0.05 + 0.5 * ((beta / np.array(scales)) ** 2).sum() + 2 * sigma**2
    return len(t) * np.log(sigma) + ((y - fit) ** 2).sum() / (2 * sigma**2) + priors


def in_order_of(model, curves, i):
    """Our parameters of one series in the order of the package's columns."""
    ours = {f"{c.part}_delim_{c.wave + 1}" if not c.place else f"{c.part}_delim_+0": j for j, c in enumerate(curves.layout.columns)}
    ours |= {c.part: j for j, c in enumerate(curves.layout.columns[curves.layout.shared :], curves.layout.shared)}
    names = model.make_all_seasonality_features(model.history)[0].columns
    columns = len(curves.layout.columns)
    delta = curves.theta[i, 2 + columns :]
    beta = [curves.theta[i, 2 + ours[name]] if name in ours else 0.0 for name in names]
    return np.r_[curves.theta[i, :2], beta, delta if len(delta) else np.zeros(len(model.changepoints_t))]


GOLDEN = [
    {},
    {"seasonality_mode": "multiplicative"},
    {"growth": "flat"},
    {"growth": "logistic", "cap": 5000.0},
    {"holidays": "US"},
    {"scaling": "minmax", "n_changepoints": 5, "changepoint_range": 0.6},
]


@pytest.mark.parametrize("options", GOLDEN, ids=str)
def test_the_mode_and_the_forecast_are_those_of_the_package(options):
    table = daily()
    curves = Prophet(**options).fit(table)
    forecast = curves.predict(30)
    renamed = {name: value for name, value in options.items() if name not in ("cap", "holidays")}
    for i in range(len(table)):
        model = package(table, i, country=options.get("holidays"), **renamed)
        theirs = np.r_[[model.params[name].item() for name in "km"], model.params["beta"].ravel(), model.params["delta"].ravel()]
        ours = minus_log_posterior(model, in_order_of(model, curves, i), curves.sigma[i])
        gain = minus_log_posterior(model, theirs, model.params["sigma_obs"].item()) - ours
        assert gain > -1e-3
        if gain > 5:  # the package stopped elsewhere
            continue
        ahead = model.make_future_dataframe(30, include_history=False)
        ahead["ds"] = table.frequency.local(20_000 + np.arange(30))
        said = model.predict(ahead.assign(cap=5000.0))
        size = model.y_scale
        np.testing.assert_allclose(forecast.mean[i] / size, said["yhat"] / size, atol=0.02)
        width = (said["yhat_upper"] - said["yhat_lower"]).to_numpy()
        assert np.abs(forecast.quantiles[i, :, 0] - said["yhat_lower"]).max() < 0.25 * width.max()
        assert np.abs(forecast.quantiles[i, :, -1] - said["yhat_upper"]).max() < 0.25 * width.max()


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS", "h"])
def test_changepoints_and_columns_are_those_of_the_package(freq):
    frequency = Frequency.parse(freq)
    start = int(frequency.steps(np.array(["2019-01-06"], "datetime64[us]"))[0][0])
    table = dataclasses.replace(daily(400, 1, seed=1), frequency=frequency, start=np.array([start]))
    curves, model = Prophet().fit(table), package(table, 0)
    np.testing.assert_allclose(curves.scales.changepoints[0], model.changepoints_t, atol=1e-12)
    assert [season.name for season in curves.layout.seasons] == list(model.seasonalities)


def test_covariates_are_standardised_as_in_the_package():
    rng = np.random.default_rng(0)
    table = daily(300, 2)
    known = {
        "price": rng.normal(50, 5, len(table.target)).astype(np.float32),
        "deal": (rng.random(len(table.target)) < 0.2).astype(np.float32),
    }
    table = dataclasses.replace(table, known=known, target=table.target + 0.3 * known["price"] + 4 * known["deal"])
    curves = Prophet().fit(table)
    assert [column.part for column in curves.layout.columns[curves.layout.shared :]] == ["price", "deal"]
    for i in range(len(table)):
        model = package(table, i, regressors=("price", "deal"))
        told = model.extra_regressors
        np.testing.assert_allclose(curves.layout.centre[i], [told["price"]["mu"], told["deal"]["mu"]], rtol=1e-12)
        np.testing.assert_allclose(curves.layout.width[i], [told["price"]["std"], told["deal"]["std"]], rtol=1e-12)


def test_a_known_effect_is_found_whatever_its_mode_and_scale():
    table, future = promoted()
    for regressor in (Regressor("promotion"), Regressor("promotion", standardize=True), Regressor("promotion", mode="multiplicative")):
        model = Prophet(regressors=(regressor,)).fit(table)
        lift = model.predict(3, None, future).mean - model.predict(3, None, Future({"promotion": np.zeros((2, 3), np.float32)}, 3)).mean
        np.testing.assert_allclose(lift, np.array([[10.0] * 3, [15.0] * 3]), rtol=0.1)
    weak = Prophet(regressors=(Regressor("promotion", prior_scale=1e-4),)).fit(table)
    assert np.abs(weak.theta[:, 2 + weak.layout.shared]).max() < 1e-3


def test_a_covariate_that_is_not_known_ahead_counts_as_usual():
    table, _ = promoted()
    model = Prophet().fit(table)
    share = np.array([table.known["promotion"][:80].mean(), table.known["promotion"][80:].mean()], np.float32)
    usual = Future({"promotion": np.repeat(share[:, None], 5, axis=1)}, 5)
    np.testing.assert_allclose(model.predict(5).mean, model.predict(5, None, usual).mean, rtol=1e-6)


def test_each_label_of_a_categorical_covariate_has_an_effect():
    table = daily(300, 1)
    code = np.arange(300.0) % 3
    code[5] = np.nan
    lift = np.array([0.0, 5.0, -3.0])[(np.arange(300) % 3)]
    table = dataclasses.replace(
        table, known={"kind": code.astype(np.float32)}, categories={"kind": ("a", "b", "c")}, target=table.target + lift
    )
    model = Prophet(weekly_seasonality=False).fit(table)
    ahead = [model.predict(1, None, Future({"kind": np.full((1, 1), kind, np.float32)}, 1)).mean[0, 0] for kind in range(3)]
    np.testing.assert_allclose(np.array(ahead) - ahead[0], [0, 5, -3], atol=0.5)


def test_a_season_with_a_condition_counts_only_there():
    table = daily(200, 1)
    on = (np.arange(200) >= 100).astype(np.float32)
    wave = 8 * np.sin(2 * np.pi * np.arange(20_000 - 200, 20_000) / 5)
    table = dataclasses.replace(table, known={"on": on}, target=table.target + on * wave)
    model = Prophet(seasonalities=(Seasonality("five", 5, 1, condition="on"),), regressors=()).fit(table)
    size = [
        np.abs(np.diff(model.predict(10, None, Future({"on": np.full((1, 10), flag, np.float32)}, 10)).mean[0] - trend)).max()
        for trend in [Prophet(weekly_seasonality=True, regressors=()).fit(table).predict(10).mean[0]]
        for flag in (0, 1)
    ]
    assert size[1] > 3 * size[0]


def test_holidays_have_windows_and_priors_of_their_own():
    table = daily(1100, 1)
    day = np.arange(20_000 - 1100, 20_000)
    christmas = np.isin(day, np.array(["2021-12-25", "2022-12-25", "2023-12-25"], "datetime64[D]").astype(int))
    table = table.with_target(table.target + 30 * christmas + 15 * np.roll(christmas, -1))
    model = Prophet(holidays="US", events=(Event("Christmas Day", lower_window=-1, prior_scale=5.0),)).fit(table)
    found = {(c.part, c.offset): (model.theta[0, 2 + j] * model.scales.size[0], c.scale) for j, c in enumerate(model.layout.columns)}
    assert found["Christmas Day", 0][0] == pytest.approx(30, abs=3)
    assert found["Christmas Day", -1][0] == pytest.approx(15, abs=3)
    assert found["Christmas Day", -1][1] == 5.0
    assert found["Labor Day", 0][1] == 10.0
    assert abs(found["Labor Day", 0][0]) < 3
    assert ("Labor Day", -1) not in found
    wide = Prophet(holidays={"country": "US", "names": ["Christmas Day"], "lead": 2}).fit(table)
    assert {c.part for c in wide.layout.columns if c.place} == {"Christmas Day", "Christmas Day (observed)"}
    assert [c.offset for c in wide.layout.columns if c.part == "Christmas Day"] == [-2, -1, 0]


def test_a_job_lends_its_holidays():
    table = daily(800, 1)
    lent = build("prophet", design=Design(horizon=3, holidays="US")).fit(table)
    own = Prophet(holidays={"country": "US", "lead": 1, "lag": 1}).fit(table)
    np.testing.assert_array_equal(lent.predict(40).mean, own.predict(40).mean)
    assert build("prophet", design=Design(horizon=3)).fit(table).layout.country is None


def test_each_series_keeps_the_holidays_of_its_country():
    both = daily(800, 2, ids={"unique_id": np.array(["a", "b"]), "country": np.array(["DE", "US"])})
    model = Prophet(holidays="country").fit(both)
    kept = [{c.place for c, wanted in zip(model.layout.columns, row, strict=True) if wanted and c.place} for row in model.layout.wanted]
    assert kept == [{"DE"}, {"US"}]
    alone = Prophet(holidays="DE").fit(both.take([0]))
    np.testing.assert_array_equal(model.predict(30).mean[0], alone.predict(30).mean[0])


def test_logistic_growth_stays_between_floor_and_cap():
    t = np.linspace(-4, 4, 300)
    values = 10 + 90 / (1 + np.exp(-t)) + np.random.default_rng(0).normal(size=300)
    table = dataclasses.replace(table_of([values]), known={"most": np.full(300, 100, np.float32), "least": np.full(300, 10, np.float32)})
    numbers = Prophet(growth="logistic", cap=100.0, floor=10.0).fit(table_of([values])).predict(200)
    columns = Prophet(growth="logistic", cap="most", floor="least").fit(table)
    np.testing.assert_allclose(columns.predict(200).mean, numbers.mean, rtol=1e-6)
    assert (numbers.mean[0] < 103).all()
    assert numbers.mean[0, -1] == pytest.approx(100, abs=2)
    lower = columns.predict(200, None, Future({"most": np.full((1, 200), 80, np.float32)}, 200))
    assert lower.mean[0, -1] == pytest.approx(80, abs=3)


def test_the_search_ends_in_the_curved_valleys_of_logistic_growth():
    """Quarters with all waves of a year, of which three are told apart: Gauss-Newton alone crawls there until it gives up."""
    frequency, rng = Frequency.parse("QS"), np.random.default_rng(4)
    values = []
    for _ in range(30):
        t = np.linspace(0, 1, 72)
        trend = 0.8 / (1 + np.exp(-rng.normal(0, 6) * (t - rng.normal(0.5, 1))))
        values.append(np.maximum(trend + rng.normal(0, 0.1, 4)[np.arange(72) % 4] + rng.normal(0, 0.15, 72), 0) + 0.05)
    start = int(frequency.steps(np.array(["1998-01-01"], "datetime64[us]"))[0][0])
    table = dataclasses.replace(table_of(values), frequency=frequency, start=np.full(30, start))
    model = Prophet(growth="logistic", cap=1.5).fit(table)
    assert model.slack.max() < 1e-7


@pytest.mark.parametrize("options", [{"scaling": "minmax"}, {"growth": "logistic", "cap": 1200.0, "floor": 950.0}], ids=str)
def test_multiplicative_parts_multiply_what_lies_above_the_floor(options):
    day = np.arange(20_000 - 140, 20_014)
    values = 1000 + 50 * (1 + 0.5 * np.sin(2 * np.pi * day / 7)) + np.random.default_rng(0).normal(size=len(day))
    said = Prophet(seasonality_mode="multiplicative", **options).fit(table_of([values[:140]])).predict(14).mean[0]
    np.testing.assert_allclose(said, values[140:], atol=5)


def test_values_without_a_capacity_above_the_floor_are_skipped():
    values = 10 + 30 / (1 + np.exp(-np.linspace(-3, 3, 60)))
    most = np.repeat(np.array([50, -1, 50, np.nan], np.float32), [60, 60, 10, 50])
    table = dataclasses.replace(table_of([values, values, values]), known={"most": most})
    model = Prophet(growth="logistic", cap="most").fit(table)
    assert model.counts.tolist() == [60, 0, 10]
    ahead = Future({"most": np.array([[50, 50], [50, 50], [50, 0]], np.float32)}, 2)
    said = model.predict(2, None, ahead)
    sound(said)
    assert "no observed value whose capacity lies above its floor" in said.failed[1]
    assert "capacity ahead does not lie above its floor" in said.failed[2]
    assert set(said.failed) == {1, 2}


def test_given_changepoints_are_those_within_each_series():
    table = daily(300, 2)
    model = Prophet(changepoints=("2024-03-01", "2024-06-01", "2019-01-01")).fit(table)
    days = model.scales.changepoints[0] * model.scales.span[0] + model.scales.begin[0]
    expected = np.array(["2024-03-01", "2024-06-01"], "datetime64[D]").astype(float)
    np.testing.assert_allclose(days[:2], expected)
    assert np.isnan(days[2:]).all()


def test_integer_steps_have_the_season_of_the_table():
    table = dataclasses.replace(sales(), frequency=Frequency.parse(1), season_length=7)
    model = Prophet().fit(table)
    assert [(season.name, season.period, season.fourier_order) for season in model.layout.seasons] == [("season", 7.0, 3)]
    assert not model.predict(5).failed


def test_short_and_constant_series_say_what_they_can():
    forecast = Prophet().fit(table_of([np.array([]), np.array([4.0]), np.array([4.0, 6.0]), np.full(20, 3.0)])).predict(4)
    sound(forecast)
    assert "two" in forecast.failed[1]
    assert set(forecast.failed) == {0, 1}
    np.testing.assert_allclose(forecast.mean[2], [8, 10, 12, 14], rtol=1e-3)
    np.testing.assert_allclose(forecast.mean[3], 3)
    np.testing.assert_allclose(forecast.quantiles[3], 3, rtol=1e-6)


@pytest.mark.parametrize("growth", ["linear", "flat", "logistic"])
@pytest.mark.parametrize("scaling", ["absmax", "minmax"])
def test_wild_values_have_a_forecast_or_a_reason(growth, scaling):
    wild = [np.array([0, 0, 1e308, 0]), np.full(30, 1e308), np.r_[np.ones(20), -1e300], 1e-300 * np.arange(30.0), np.empty(0)]
    limits = {"cap": 50.0, "floor": -2.0} if growth == "logistic" else {}
    recipe = Prophet(growth=growth, scaling=scaling, seasonality_mode="multiplicative", yearly_seasonality=True, **limits)
    forecast = recipe.fit(table_of(wild)).predict(3)
    sound(forecast)
    assert 4 in forecast.failed
    assert recipe.fit(table_of(wild[4:])).predict(3).failed


def test_newer_values_move_the_level_but_not_the_noise():
    table = daily(500, 2)
    model = Prophet().fit(table.drop_last(30))
    fresh = Prophet().fit(table)
    moved = model.predict(10, table)
    np.testing.assert_allclose(moved.mean, fresh.predict(10).mean, rtol=0.05)
    assert np.abs(moved.mean - fresh.predict(10).mean).mean() < np.abs(model.predict(40).mean[:, 30:] - fresh.predict(10).mean).mean()


def test_neither_threads_nor_partition_change_a_bit():
    table = daily(400, 12)
    one, several = (Prophet(holidays="US", threads=threads).fit(table).predict(9) for threads in (1, 3))
    np.testing.assert_array_equal(one.quantiles, several.quantiles)
    parts = [Prophet(holidays="US").fit(table.take(part)).predict(9) for part in np.array_split(np.arange(12), 5)]
    np.testing.assert_array_equal(np.concatenate([part.quantiles for part in parts]), one.quantiles)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"growth": "cubic"}, "growth is one of 'linear', 'logistic', 'flat'; came 'cubic'"),
        ({"growth": "logistic"}, "cap="),
        ({"cap": 3.0}, "cap="),
        ({"yearly_seasonality": "yes"}, "yearly_seasonality"),
        ({"changepoint_prior_scale": 0}, "above 0; came 0"),
        ({"seasonality_mode": "both"}, "came 'both'"),
        ({"changepoint_range": 1.5}, "changepoint_range"),
        ({"levels": (0.9, 0.1)}, "levels ascend"),
        ({"changepoints": ["soon"]}, 'changepoints: dates are written as "2024-12-24"'),
        ({"events": [Event("fair", ("2024-05-01",)), Event("fair", ("2025-05-01",))]}, "'fair' came twice; .* all its dates in one"),
        ({"seasonalities": [Seasonality("price", 30, 2)], "regressors": ["price"]}, "'price' came twice"),
        ({"events": [{"name": "fair"}]}, "events takes Event.* came {.name.: .fair.}"),
        ({"seasonalities": ["monthly"]}, "seasonalities takes Seasonality"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        make("prophet", **options)


def test_parts_refuse_what_cannot_be_meant():
    for part in (lambda: Seasonality("s", 0, 3), lambda: Event("e", lower_window=1), lambda: Regressor("r", prior_scale=-1.0)):
        with pytest.raises(SettingsError):
            part()
    with pytest.raises(SettingsError, match="event 'fair': dates are written as"):
        Event("fair", ["2024-13-01"])
    with pytest.raises(SettingsError, match="event 'Labor Day' has no dates, and no country"):
        Prophet(events=[Event("Labor Day", upper_window=1)]).fit(sales())
    with pytest.raises(UnknownName, match="did you mean 'promotion'"):
        Prophet(regressors=("promotions",)).fit(promoted()[0])
    with pytest.raises(UnknownName, match="known covariate"):
        Prophet(growth="logistic", cap="most").fit(promoted()[0])


def test_lists_are_as_good_as_tuples():
    assert Prophet(levels=[0.1, 0.9], changepoints=["2024-01-01"]) == Prophet(levels=(0.1, 0.9), changepoints=("2024-01-01",))


def test_the_original_needs_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "prophet.serialize", None)
    with pytest.raises(MissingExtra, match=r"pip install 'forecaster\[prophet\]'"):
        make("prophet", engine="prophet").fit(sales())


def test_the_original_takes_the_options_of_each_series():
    pytest.importorskip("prophet")
    both = daily(800, 2, ids={"unique_id": np.array(["a", "b"]), "country": np.array(["DE", "US"])})
    options = {"holidays": "country", "changepoints": ("2022-09-01", "2023-06-01"), "levels": ()}
    options["seasonalities"] = (Seasonality("month", 30.5, 2, mode="multiplicative"),)
    original, native = (Prophet(engine=engine, **options).fit(both).predict(60).mean for engine in ("prophet", "native"))
    np.testing.assert_allclose(original, native, rtol=0.03)


def test_what_the_original_cannot_forecast_costs_no_neighbour():
    pytest.importorskip("prophet")
    table = daily(60, 2)
    known = {"most": np.full(len(table.target), 1e4, np.float32)}
    model = Prophet(engine="prophet", growth="logistic", cap="most", samples=5).fit(dataclasses.replace(table, known=known))
    said = model.predict(3, future=Future({"most": np.array([[1e4] * 3, [-1.0] * 3], np.float32)}, 3))
    sound(said)
    assert list(said.failed) == [1]
    assert "cap must be greater than floor" in said.failed[1]


def test_the_original_says_what_the_package_says(capfd):
    pytest.importorskip("prophet")
    table, future = promoted()
    values = [*(table.values(i) for i in range(2)), np.array([1.0])]
    known = {"promotion": np.append(table.known["promotion"], np.float32(0))}
    table = dataclasses.replace(table_of(values), known=known)
    future = Future({"promotion": np.ones((3, 3), np.float32)}, 3)
    recipe = Prophet(engine="prophet", samples=100, events=(Event("fair", ("2024-09-20",)),))
    model, native = recipe.fit(table), dataclasses.replace(recipe, engine="native").fit(table)
    original, ours = model.predict(3, None, future), native.predict(3, None, future)
    np.testing.assert_allclose(original.mean[:2], ours.mean[:2], rtol=0.01)
    np.testing.assert_allclose(original.quantiles[:2], ours.quantiles[:2], rtol=0.05)
    assert original.failed == ours.failed
    np.testing.assert_array_equal(original.quantiles, model.predict(3, None, future).quantiles)
    with pytest.raises(CannotPredict, match="engine='native'"):
        model.predict(3, table)
    is_the_same_after_saving(recipe)
    assert not capfd.readouterr().err


def test_a_job_with_options_from_a_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    day = pandas.date_range("2023-01-01", periods=500)
    promotion = (rng.random(500) < 0.3).astype(float)
    sold = 50 + 10 * np.sin(2 * np.pi * np.arange(500) / 7) + 20 * promotion + rng.normal(size=500)
    frame = pandas.DataFrame({"unique_id": "a", "ds": day, "y": sold, "promotion": promotion})
    options = {"seasonalities": [{"name": "month", "period": 30.5, "fourier_order": 2}], "regressors": [{"name": "promotion"}]}
    job = Forecaster(
        horizon=14,
        known="promotion",
        holidays="US",
        learners=["seasonal_naive", {"prophet": options}],
        backtest={"windows": 2},
        ensemble=None,
    )
    job.fit(frame.iloc[:-14])
    assert job.selected_["learner"].tolist() == ["prophet"]
    said = job.predict(frame.iloc[-14:].drop(columns="y"))
    assert np.abs(said["forecast"].to_numpy() - sold[-14:]).mean() < 2
    job.save(tmp_path / "job")
    again = Forecaster.load(tmp_path / "job").predict(frame.iloc[-14:].drop(columns="y"))
    np.testing.assert_array_equal(again["forecast"], said["forecast"])

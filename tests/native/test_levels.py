"""Every level of processor gives the same bits, so that a model does not depend on the machine that trained it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LEVELS = ("baseline", "avx2", "avx512")
KERNELS = ("arima", "ets", "intermittent", "theta", "ces")
LEARNERS = [
    ("arima", {}),
    ("arima", {"order": (2, 1, 1), "seasonal": (1, 0, 1), "period": 12}),
    ("arima", {"order": (3, 0, 2), "seasonal": (1, 0, 1), "period": 12}),
    ("arima", {"order": (1, 0, 1), "seasonal": (0, 1, 1), "period": 30}),
    ("ets", {}),
    ("ets", {"form": "AAdA", "region": "admissible"}),
    ("ets", {"select": "backtest", "multiplicative_trend": True}),
    ("theta", {"form": "auto"}),
    ("ces", {"cycle": "full"}),
    ("ces", {}),
    ("mstl", {}),
    ("prophet", {"yearly_seasonality": 3}),
    ("prophet", {"seasonality_mode": "multiplicative"}),
    ("croston", {"alpha": None, "beta": None}),
    ("sba", {}),
    ("tsb", {}),
    ("adida", {}),
    ("imapa", {}),
    ("intermittent", {}),
    ("autoregression", {}),
]


def tables():
    from forecaster.testing import promoted, table_of

    rng = np.random.default_rng(5)
    series = []
    for n in (*rng.integers(8, 150, 24), 400, 500):
        steps = np.arange(n)
        series.append(50 + 0.05 * steps + np.cumsum(rng.normal(size=n)) + 3 * np.sin(np.pi * steps / 6) + rng.normal(size=n))
    for y in series[::5]:
        y[rng.integers(1, len(y) - 1, 4)] = np.nan
    sparse = [rng.poisson(rng.uniform(0.1, 2), n).astype(float) for n in (5, 40, 64, 65, 130, 1)]
    plain = [y + 30 * (np.arange(len(y)) % 3) for y in series[-6:]]
    return table_of(series, season_length=12), table_of(plain, season_length=1), table_of(sparse), promoted()


def say(path: str) -> None:
    """Write the forecasts of all learners on all tables, and the levels that the kernels run at."""
    from importlib import import_module

    from forecaster._native import intermittent
    from forecaster.learners import make

    seasonal, plain, sparse, (known, future) = tables()
    cases = {"seasonal": (seasonal, None), "plain": (plain, None), "sparse": (sparse, None), "known": (known, future)}
    out: dict[str, np.ndarray] = {}
    for name, options in LEARNERS:
        for case, (table, ahead) in cases.items():
            forecast = make(name, **options).fit(table).predict(3, future=ahead)
            for part in ("mean", "quantiles"):
                if (numbers := getattr(forecast, part)) is not None:
                    out[f"{name} {options} {case} {part}"] = numbers
    for case, (table, _) in cases.items():
        out[f"patterns {case}"] = np.empty((len(table), 3))
        intermittent.patterns(table.target, table.indptr, out[f"patterns {case}"])
    simd = [import_module(f"forecaster._native.{kernel}").SIMD for kernel in KERNELS]
    np.savez(path, simd=np.array(simd), **out)


SAY = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_levels; test_levels.say(sys.argv[1])"
own_processes = pytest.mark.skipif(bool(os.environ.get("FORECASTER_SANITIZED")), reason="starts processes of its own")


def at_level(level: str, path: Path) -> subprocess.CompletedProcess[str]:
    forced = os.environ | {"FORECASTER_SIMD": level}
    return subprocess.run([sys.executable, "-c", SAY, str(path)], env=forced, capture_output=True, text=True, check=False)


@own_processes
def test_every_level_gives_the_same_bits(tmp_path):
    found = {}
    for level in LEVELS:
        done = at_level(level, tmp_path / level)
        if "cannot run" in done.stderr:
            continue
        assert not done.returncode, done.stderr
        found[level] = dict(np.load(tmp_path / f"{level}.npz"))
        assert set(found[level].pop("simd").tolist()) == {level}
    widest = list(found.values())[-1]
    assert len(widest) > 5 * len(LEARNERS)
    for level, said in found.items():
        assert said.keys() == widest.keys()
        for name, numbers in said.items():
            np.testing.assert_array_equal(numbers, widest[name], err_msg=f"{level}, {name}")


@own_processes
def test_an_unknown_level_is_refused(tmp_path):
    done = at_level("sse9", tmp_path / "never")
    assert done.returncode != 0
    assert "FORECASTER_SIMD is 'sse9'; expected avx512, avx2 or baseline" in done.stderr

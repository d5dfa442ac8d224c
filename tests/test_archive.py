"""Archives: what is saved comes back, any damage is noticed, and no file makes anything else happen."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import (
    decomposition,
    dummy,
    ensemble,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

from forecaster.archive import columns, load, manifest, save, storable, under
from forecaster.errors import ArchiveError, CannotSave
from forecaster.frequency import Frequency
from forecaster.protocols import Forecast, Traits
from forecaster.table import Future, Table

FILES = ("model.json", "model.parquet", "arrays.parquet", "manifest.json")


@storable
@dataclass(frozen=True, eq=False)
class Leaf:
    values: np.ndarray
    name: str = "leaf"


@storable
@dataclass(frozen=True, eq=False)
class Branch:
    parts: tuple[Any, ...]
    options: dict[Any, Any] = field(default_factory=dict)
    best: Leaf | None = None
    size: int = field(default=0, init=False)


@dataclass
class NotStorable:
    x: int = 1


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "model"


def there_and_back(thing, folder):
    save(thing, folder)
    return load(folder)


def same(a, b):
    """Equal in type, shape, dtype and value, NaN included."""
    assert type(a) is type(b), (a, b)
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray):
        if a.dtype.kind == "O":
            return a.shape == b.shape and all(same(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True))
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b or (isinstance(a, float | np.floating) and math.isnan(a) and math.isnan(b))


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])) | st.binary()
PLAIN |= st.decimals(allow_nan=False)
NUMBERS = arrays.arrays(
    st.sampled_from(["f8", "f4", ">f8", "i8", "i4", "u1", "?", "c16", "M8[us]", "m8[D]", "U3", "S4"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
TREES = st.recursive(
    PLAIN | NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3) | st.integers(), inner, max_size=3)
        | st.builds(Leaf, NUMBERS)
        | st.builds(Branch, st.lists(inner, max_size=2).map(tuple))
    ),
    max_leaves=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_any_tree_comes_back(tmp_path, thing):
    assert same(thing, there_and_back(thing, tmp_path / "model"))


@pytest.mark.parametrize(
    "values",
    [
        np.array(["a", "ü", "", None], object),
        np.array([["a"], ["b"]], object),
        np.array([], object),
        np.array(["x", "yy"], np.dtypes.StringDType()),
        np.array([1, "a", 2.5, True, None], object),
        np.zeros((0, 3)),
        np.array(3.5),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10)[::2],
    ],
    ids=str,
)
def test_arrays_come_back(folder, values):
    back = there_and_back(values, folder)
    assert back.dtype == values.dtype
    assert back.shape == values.shape
    assert back.tolist() == values.tolist()


def test_arrays_may_be_written_to(folder):
    back = there_and_back(np.arange(3.0), folder)
    back[0] = 7
    assert back[0] == 7


def test_a_forecast_a_table_and_traits_come_back(folder):
    table = Table(
        np.arange(5.0), np.array([0, 2, 5]), np.array([3, 1]), Frequency("D"), {"id": np.array(["a", "b"], object)}, np.array([0, 2]),
        known={"price": np.arange(5, dtype=np.float32)}, categories={"kind": ("x", "y")}, season_length=7,
    )  # fmt: skip
    future = Future({"price": np.ones((2, 3), np.float32)}, 3)
    forecast = Forecast(np.ones((2, 3)), (0.1, 0.9), np.ones((2, 3, 2)), {1: "too short"})
    thing = (table, future, forecast, Traits(pooled=True))
    assert same(thing, there_and_back(thing, folder))


def test_numbers_of_numpy_and_fields_without_init_come_back(folder):
    branch = Branch((np.float32(1.5), np.int64(3), np.datetime64("2020-01-01"), np.bool_(True)))
    object.__setattr__(branch, "size", 9)
    assert same(branch, there_and_back(branch, folder))


def test_shared_arrays_are_stored_once(folder):
    values = np.random.default_rng(0).normal(size=10_000)
    save([Leaf(values) for _ in range(50)], folder)
    assert (folder / "arrays.parquet").stat().st_size < 2 * values.nbytes
    assert load(folder)[49].values is load(folder)[0].values or np.array_equal(load(folder)[49].values, values)


@storable
@dataclass(frozen=True, eq=False)
class Numbers:
    ids: dict[str, np.ndarray] = field(metadata={"under": ""})
    numbers: np.ndarray = field(metadata=columns("alpha", "beta"))
    wide: np.ndarray
    other: np.ndarray
    parts: tuple[Any, ...] = ()


@storable
@dataclass(frozen=True, eq=False)
class Some:
    called: str
    model: Any = field(metadata=under("called", rows="at"))
    at: np.ndarray


def numbers(n=4, parts=()):
    ids = {"shop": np.array([f"s{i}" for i in range(n)], object), "Wide": np.arange(n)}
    return Numbers(ids, RNG.normal(size=(n, 2)), RNG.normal(size=(n, 2, 3)), np.arange(9.0), parts)


def series_of(folder):
    return pq.read_table(folder / "model.parquet").to_pydict()


def test_arrays_along_the_series_are_columns(folder):
    thing = numbers()
    assert same(thing, there_and_back(thing, folder))
    said = series_of(folder)
    assert list(said) == ["shop", "Wide", "alpha", "beta", "wide_"]
    assert said["shop"] == ["s0", "s1", "s2", "s3"]
    assert said["beta"] == thing.numbers[:, 1].tolist()
    assert said["wide_"] == thing.wide.tolist()


def test_a_model_of_some_series_stands_in_their_rows(folder):
    inner = Leaf(np.array([[1, 2], [3, 4]], np.int16))
    thing = numbers(parts=(Some("leaf", inner, np.array([1, 3])), Some("all", Leaf(np.array(["", "a", "b", "c"], object)), np.arange(4))))
    assert same(thing, there_and_back(thing, folder))
    said = series_of(folder)
    assert said["leaf.values"] == [None, [1, 2], None, [3, 4]]
    assert said["all.values"] == ["", "a", "b", "c"]
    assert "leaf.at" not in said


@pytest.mark.parametrize("at", [np.array([0, 4]), np.array([-1, 2]), np.array([2]), np.array([2, 1]), np.array([1, 1])], ids=str)
def test_rows_that_are_not_there_cost_no_array(folder, at):
    thing = numbers(parts=(Some("leaf", Leaf(np.arange(2.0)), at),))
    assert same(thing, there_and_back(thing, folder))
    assert "leaf.values" not in series_of(folder)


def test_columns_of_another_number_are_a_list(folder):
    thing = Numbers({}, np.ones((4, 3)), np.ones(4), np.arange(9.0))
    assert same(thing, there_and_back(thing, folder))
    assert list(series_of(folder)) == ["numbers", "wide"]


RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5))
Y = X[:, 0] * 2 + RNG.normal(size=120)
LABEL = np.where(Y > 0, "up", "down")

REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.ElasticNet(0.01),
    linear_model.LassoLars(0.01),
    linear_model.LassoLarsCV(),
    linear_model.SGDRegressor(),
    linear_model.RidgeCV(),
    linear_model.HuberRegressor(),
    tree.DecisionTreeRegressor(),
    neighbors.KNeighborsRegressor(algorithm="kd_tree"),
    neighbors.KNeighborsRegressor(algorithm="brute", weights="distance"),
    ensemble.RandomForestRegressor(8),
    ensemble.ExtraTreesRegressor(8),
    ensemble.GradientBoostingRegressor(n_estimators=8),
    ensemble.GradientBoostingRegressor(n_estimators=8, loss="huber"),
    ensemble.HistGradientBoostingRegressor(max_iter=8),
    ensemble.BaggingRegressor(n_estimators=3),
    ensemble.AdaBoostRegressor(n_estimators=3),
    neural_network.MLPRegressor(hidden_layer_sizes=(4,), max_iter=5),
    svm.SVR(),
    dummy.DummyRegressor(),
    pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler(), decomposition.PCA(3), linear_model.Ridge()),
    pipeline.make_pipeline(preprocessing.RobustScaler(), decomposition.TruncatedSVD(2), linear_model.Lasso(0.01)),
    pipeline.make_pipeline(preprocessing.MinMaxScaler(), preprocessing.MaxAbsScaler(), preprocessing.Normalizer(), svm.LinearSVR()),
    lightgbm.LGBMRegressor(n_estimators=5, verbose=-1),
    xgboost.XGBRegressor(n_estimators=5),
]
CLASSIFIERS = [
    linear_model.LogisticRegression(),
    linear_model.SGDClassifier(loss="log_loss"),
    naive_bayes.GaussianNB(),
    tree.DecisionTreeClassifier(),
    neighbors.KNeighborsClassifier(algorithm="ball_tree"),
    ensemble.RandomForestClassifier(8),
    ensemble.ExtraTreesClassifier(8),
    ensemble.GradientBoostingClassifier(n_estimators=4),
    ensemble.HistGradientBoostingClassifier(max_iter=4),
    lightgbm.LGBMClassifier(n_estimators=5, verbose=-1),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: str(m)[:40])
def test_regressors_come_back(folder, model):
    model.fit(X, Y)
    assert np.array_equal(there_and_back(model, folder).predict(X), model.predict(X))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_classifiers_come_back(folder, model):
    model.fit(X, LABEL)
    back = there_and_back(model, folder)
    assert np.array_equal(back.predict(X), model.predict(X))
    assert np.array_equal(back.predict_proba(X), model.predict_proba(X))


def test_boosters_come_back(folder):
    light = lightgbm.train({"verbose": -1, "num_leaves": 5}, lightgbm.Dataset(X, Y), 5)
    extreme = xgboost.train({"max_depth": 3}, xgboost.DMatrix(X, Y), 5)
    a, b = there_and_back((light, extreme), folder)
    assert np.array_equal(a.predict(X), light.predict(X))
    assert np.array_equal(b.predict(xgboost.DMatrix(X)), extreme.predict(xgboost.DMatrix(X)))


def test_a_thousand_estimators_come_back(folder):
    models = [linear_model.Ridge(alpha=1 + i).fit(X, Y) for i in range(1000)]
    assert [model.alpha for model in there_and_back(models, folder)] == [1 + i for i in range(1000)]


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (lambda x: x, r"model: builtins.function has no safe file format"),
        ({"a": [1, NotStorable()]}, r"model\['a'\]\[1\]: the dataclass .*NotStorable .*storable"),
        (Branch((), best=object()), r"model\.best: builtins.object has no safe file format; keep"),
        ({(1, 2): 3}, r"the key \(1, 2\) of a mapping is a tuple; keys must be text or numbers"),
        (np.array([{1}], object), r"model\[0\]: builtins.set"),
        (pipeline.make_pipeline(preprocessing.FunctionTransformer(os.system)), "Pipeline holds posix.system"),
    ],
    ids=["function", "dataclass", "object", "key", "array", "callable inside"],
)
def test_what_cannot_be_saved_is_named(folder, thing, told):
    with pytest.raises(CannotSave, match=told):
        save(thing, folder)
    assert not list(folder.parent.iterdir())


def test_a_tree_that_holds_itself_is_refused(folder):
    thing: list[Any] = []
    thing.append(thing)
    with pytest.raises(CannotSave, match="does it hold itself"):
        save(thing, folder)


def test_extra_and_versions_are_in_the_manifest(folder):
    save(1, folder, extra={"job": {"horizon": 3}})
    told = manifest(folder)
    assert told["extra"] == {"job": {"horizon": 3}}
    assert told["versions"]["numpy"] == np.__version__
    with pytest.raises(CannotSave, match="extra must be plain JSON"):
        save(1, folder, extra={"x": object()})


def test_saving_again_replaces(folder):
    save("old", folder)
    save("new", folder)
    assert load(folder) == "new"
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_not_replaced(folder):
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ArchiveError, match="is no archive"):
        save(1, folder)
    assert (folder / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("call", range(12))
def test_an_error_of_the_disk_leaves_the_old_archive(folder, monkeypatch, call):
    """The n-th call that touches the disk fails: what is there is the old model or the new one, and nothing is left beside it."""
    save("old", folder)
    calls = iter(range(100))

    def failing(real):
        def wrapped(*args, **kwargs):
            if next(calls) == call:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return wrapped

    for owner, name in ((os, "fsync"), (Path, "mkdir"), (Path, "rename"), (Path, "open")):
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    try:
        save("new", folder)
        saved = True
    except OSError:
        saved = False
    monkeypatch.undo()
    assert load(folder) in (("new",) if saved else ("old", "new"))
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def small(folder):
    save(Branch((1.5, "x", np.arange(3.0)), {"k": np.array(["a"], object)}, Leaf(np.ones(2))), folder)


@pytest.mark.parametrize("name", FILES)
def test_every_changed_byte_is_noticed(folder, name):
    small(folder)
    whole = (folder / name).read_bytes()
    step = max(len(whole) // 150, 1)
    for at in range(0, len(whole), step):
        for bit in (1, 0x80):
            (folder / name).write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            with pytest.raises(ArchiveError, match=name.replace(".", r"\.")):
                load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_or_missing_file_is_named(folder, name):
    small(folder)
    whole = (folder / name).read_bytes()
    for left in (b"", whole[:-1], whole[: len(whole) // 2], whole + b" "):
        (folder / name).write_bytes(left)
        with pytest.raises(ArchiveError, match=name):
            load(folder)
    (folder / name).unlink()
    with pytest.raises(ArchiveError, match=rf"{name} cannot be read .*an archive is a folder with"):
        load(folder)


EMPTY = pa.table({})


def sign(folder, **changes):
    """Write a manifest that fits the files: what a forger does."""
    told = json.loads((folder / "manifest.json").read_text()) | changes
    for name in FILES[:3]:
        data = (folder / name).read_bytes()
        told["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    del told["sha256"]

    def text(content):
        return json.dumps(content, indent=1, sort_keys=True).encode()

    (folder / "manifest.json").write_bytes(text(told | {"sha256": hashlib.sha256(text(told)).hexdigest()}))


def forge(folder, tree=None, rows=None, series=EMPTY):
    save(None, folder)
    if tree is not None:
        (folder / "model.json").write_text(tree if isinstance(tree, str) else json.dumps(tree))
    if rows is not None:
        kinds = {
            "key": pa.int64(), "kind": pa.string(), "dtype": pa.string(), "shape": pa.list_(pa.int64()),
            "columns": pa.list_(pa.string()), "bytes": pa.large_binary(),
        }  # fmt: skip
        pq.write_table(pa.table({k: pa.array([row.get(k) for row in rows], kinds[k]) for k in kinds}), folder / "arrays.parquet")
        pq.write_table(series, folder / "model.parquet")
    sign(folder)


@pytest.mark.parametrize("number", [0, 1, 99, None, "2"])
def test_another_format_is_refused(folder, number):
    small(folder)
    sign(folder, format=number)
    with pytest.raises(ArchiveError, match=r"is of format .*, written by forecaster .*; this version reads format 3"):
        load(folder)


def test_a_later_version_may_add_what_this_one_does_not_know(folder):
    small(folder)
    tree = json.loads((folder / "model.json").read_text())
    tree["fields"]["invented_later"] = 1
    del tree["fields"]["best"]
    (folder / "model.json").write_text(json.dumps(tree))
    sign(folder, invented="later")
    assert load(folder).best is None


LEAF = f"{__name__}:Leaf"
TREES_OF_A_FORGER = [
    {"class": "os:system", "fields": {"command": "touch /tmp/owned"}},
    {"class": "builtins:eval", "fields": {}},
    {"class": "subprocess:Popen", "fields": {"args": ["true"]}},
    {"class": "antigravity:x", "fields": {}},
    {"class": "this:s", "fields": {}},
    {"class": "forecaster.archive.folder:save", "fields": {}},
    {"class": "forecaster.archive.folder:os.system", "fields": {}},
    {"class": "forecaster.errors:DataError", "fields": {}},
    {"class": "forecaster..:x", "fields": {}},
    {"class": "forecaster.nowhere:Model", "fields": {}},
    {"class": "many_models.\x00:Model", "fields": {}},
    {"class": "../../etc/passwd", "fields": {}},
    {"class": f"{__name__}:NotStorable", "fields": {"x": 1}},
    {"class": ["a"], "fields": {}},
    {"class": None},
    {"class": LEAF},
    {"class": LEAF, "fields": []},
    {"class": LEAF, "fields": {}},
    {"class": LEAF, "fields": {"values": {"class": "os:getcwd", "fields": {}}}},
    {"array": 0},
    {"array": -1},
    {"array": "0"},
    {"array": True},
    {"array": [0]},
    {"array": {}},
    {"scalar": 0},
    {"bytes": 3},
    {"tuple": 5},
    {"tuple": {"a": 1}},
    {"dict": 5},
    {"dict": [1]},
    {"dict": [[1, 2, 3]]},
    {"dict": [[[1], 2]]},
    {"dict": [[{"dict": []}, 2]]},
    {"float": "1e5"},
    {"float": "__import__('os')"},
    {"float": []},
    {"decimal": "one"},
    {"decimal": []},
    {"objects": [], "shape": [10**12]},
    {"objects": [1], "shape": [-1]},
    {"objects": [1], "shape": "x"},
    {"objects": 1, "shape": [1]},
    {"part": "os:system", "state": {"dict": []}},
    {"part": "sklearn.preprocessing._function_transformer:FunctionTransformer", "state": {"dict": []}},
    {"part": "sklearn.linear_model._ridge:Ridge", "state": 5},
    {"part": "sklearn.linear_model._ridge:Ridge"},
    {"part": ["a"], "state": {"dict": []}},
    {"part": "sklearn.tree._tree:Tree", "state": {"dict": []}},
    {"part": "sklearn.tree._tree:Tree", "state": {"dict": [["nodes", 5], ["n_features", 10**30]]}},
    {"part": "numpy.random.mtrand:RandomState", "state": {"dict": [["bit_generator", "os"]]}},
    {"lightgbm": 0},
    {"skops": 0},
    {"pickle": "gASV"},
    {"unknown": 1},
    {},
    "[" * 100_000,
    '{"tuple":[' * 5000 + "]}" * 5000,
    "[" * 300 + "]" * 300,
    '{"a": NaN',
    "",
    "\ufeff{}",
    b"\xff\xfe".decode("latin1"),
]


@pytest.mark.parametrize("tree", TREES_OF_A_FORGER, ids=lambda t: str(t)[:60].replace("\x00", "0"))
def test_a_hostile_tree_is_refused(folder, tree):
    before = set(sys.modules)
    forge(folder, tree)
    with pytest.raises(ArchiveError):
        load(folder)
    assert not {m for m in set(sys.modules) - before if m in ("antigravity", "this")}


ROWS_OF_A_FORGER = [
    {"kind": "array", "dtype": "<f8", "shape": [10**12], "bytes": b"12345678"},
    {"kind": "array", "dtype": "<f8", "shape": [2**62, 4], "bytes": b""},
    {"kind": "array", "dtype": "<f8", "shape": [0, 2**62, 4], "bytes": b""},
    {"kind": "array", "dtype": "<f8", "shape": [-1], "bytes": b"12345678"},
    {"kind": "array", "dtype": "<f8", "shape": [1] * 40, "bytes": b"12345678"},
    {"kind": "array", "dtype": "<f8", "shape": None, "bytes": b"12345678"},
    {"kind": "array", "dtype": "O", "shape": [1], "bytes": b"12345678"},
    {"kind": "array", "dtype": "|O8", "shape": [1], "bytes": b"12345678"},
    {"kind": "array", "dtype": "V8", "shape": [2], "bytes": b"12345678"},
    {"kind": "array", "dtype": "<U1000000000", "shape": [1], "bytes": b"1234"},
    {"kind": "array", "dtype": "nonsense", "shape": [1], "bytes": b"12345678"},
    {"kind": "array", "dtype": "f8,O", "shape": [1], "bytes": b"1234567812345678"},
    {"kind": "record", "dtype": '[["a", "O"]]', "shape": [1], "bytes": b"12345678"},
    {"kind": "record", "dtype": "[[1]]", "shape": [1], "bytes": b"12345678"},
    {"kind": "record", "dtype": "[" * 50_000, "shape": [1], "bytes": b"12345678"},
    {"kind": "text", "dtype": "O", "shape": [1], "bytes": b'[{"a": 1}]'},
    {"kind": "text", "dtype": "O", "shape": [5], "bytes": b'["a"]'},
    {"kind": "text", "dtype": "O", "shape": [1], "bytes": b"7"},
    {"kind": "text", "dtype": "O", "shape": [1], "bytes": b"[" * 100_000},
    {"kind": "text", "dtype": "O", "shape": [1], "bytes": b"\xff"},
    {"kind": "array", "dtype": "<f8", "shape": [1], "bytes": None},
    {"kind": "bytes", "dtype": "", "shape": [], "bytes": b"x"},
    {"kind": "skops", "dtype": "", "shape": [], "bytes": b"x"},
    {"kind": None, "dtype": None, "shape": None, "bytes": None},
]


@pytest.mark.parametrize("row", ROWS_OF_A_FORGER, ids=lambda r: str(r)[:70])
def test_a_hostile_array_is_refused(folder, row):
    forge(folder, {"array": 0}, [{"key": 0, **row}])
    with pytest.raises(ArchiveError, match=r"arrays\.parquet"):
        load(folder)


COLUMNS_OF_A_FORGER = [
    ("<f8", [3], ["nowhere"]),
    ("<f8", [3], [None]),
    ("<f8", [3], []),
    ("<f8", [2], ["x"]),
    ("<f8", [3, 1], ["x"]),
    ("<f8", [10**12], ["x"]),
    ("<f8", [2**62, 4], ["x"]),
    ("<f8", [3, 2], ["x", "whole"]),
    ("<f8", [3, 2], ["x"] * 3),
    ("<f8", [3, 10**9], ["lists"]),
    ("<f8", [3], ["lists"]),
    ("<f8", [3], ["whole"]),
    ("<f8", [3], ["words"]),
    ("<f8", [2], ["gap"]),
    ("<f8", [3, 2], ["holes"]),
    ("<U9", [3], ["words"]),
    ("O", [3], ["words"]),
    ("M8[s]", [3], ["whole"]),
    ("nonsense", [3], ["x"]),
]


@pytest.mark.parametrize("claim", COLUMNS_OF_A_FORGER, ids=str)
def test_a_hostile_column_is_refused(folder, claim):
    series = pa.table(
        {
            "x": [1.0, 2.0, 3.0], "whole": [1, 2, 3], "words": ["a", "b", "c"], "gap": [1.0, None, None],
            "lists": [[1.0], [2.0, 3.0], []], "holes": [[1.0, None], [1.0, 2.0], [3.0, 4.0]],
        }
    )  # fmt: skip
    dtype, shape, names = claim
    forge(folder, {"array": 0}, [{"key": 0, "kind": "array", "dtype": dtype, "shape": shape, "columns": names}], series)
    with pytest.raises(ArchiveError, match=r"arrays\.parquet"):
        load(folder)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost", "skops"])
@pytest.mark.parametrize("blob", [b"", b"x", b"tree\n", b"PK\x03\x04", b"{}", b"cos\nsystem\n(S'true'\ntR."], ids=str)
def test_a_hostile_model_is_refused(folder, kind, blob):
    forge(folder, {kind: 0}, [{"key": 0, "kind": kind, "dtype": "", "shape": [], "bytes": blob}])
    with pytest.raises(ArchiveError, match=f"{kind}|scikit-learn"):
        load(folder)


def test_a_foreign_type_in_skops_is_refused(folder):
    from skops import io

    blob = io.dumps(preprocessing.FunctionTransformer(os.system))
    forge(folder, {"skops": 0}, [{"key": 0, "kind": "skops", "dtype": "", "shape": [], "bytes": blob}])
    with pytest.raises(ArchiveError, match="may not be built from a file"):
        load(folder)


def test_a_decision_tree_that_leaves_its_arrays_is_refused(folder):
    model = tree.DecisionTreeRegressor(max_depth=3).fit(X, Y)
    nodes = model.tree_.__getstate__()["nodes"]
    for column, value in (("left_child", 10**6), ("right_child", 0), ("feature", 99), ("left_child", -1)):
        bad = nodes.copy()
        bad[column][0] = value
        save(model, folder)
        rows = pq.read_table(folder / "arrays.parquet").to_pylist()
        changed = [row | {"bytes": bad.tobytes()} if row["bytes"] == nodes.tobytes() else row for row in rows]
        tree_text = (folder / "model.json").read_text()
        forge(folder, tree_text, changed)
        with pytest.raises(ArchiveError, match="Tree"):
            load(folder)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_tree_loads_or_is_refused(tmp_path, data):
    """Any node of a good tree replaced by any node of a forger: an ArchiveError or a model, never anything else."""
    folder = tmp_path / "model"
    small(folder)
    root = [json.loads((folder / "model.json").read_text())]
    at, key = root, 0
    while isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
    at[key] = data.draw(st.sampled_from([t for t in TREES_OF_A_FORGER if not isinstance(t, str)] + [1, "x", None, [], -1]))
    (folder / "model.json").write_text(json.dumps(root[0]))
    sign(folder)
    with contextlib.suppress(ArchiveError):
        load(folder)


def test_archive_module_is_light():
    heavy = ("pandas", "sklearn", "skops", "lightgbm", "xgboost", "scipy")
    code = f"import forecaster.archive, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_listed_classes_exist():
    from forecaster.archive.registry import LISTED, find, name_of

    for name in LISTED:
        cls = find(name)
        assert cls is not None, name
        assert name_of(cls) == name
        assert dataclasses.is_dataclass(cls)

"""Runs in MLflow, against a local store and a server: what is logged, what becomes of failures, and a whole run as one model."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import Classifier, Forecaster
from forecaster.errors import CannotPredict, ForecasterError, MissingExtra, SettingsError, UnknownName
from many_models import ManyModels, Run, cli, tracking

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when MLflow is imported
mlflow = pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, made once: its tables take seconds."""
    place = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{place}/mlflow.db")
    mlflow.create_experiment("tests", artifact_location=str(place / "artifacts"))
    return place


@pytest.fixture(autouse=True)
def experiment(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The experiment of the tests, also for processes that they start."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    mlflow.set_experiment("tests")
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """MLflow's server in a process of its own, which also keeps the artifacts; mlflow-skinny has its code, and lacks the web server."""
    pytest.importorskip("flask_cors")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"FILE_STORE": f"sqlite:///{tmp_path}/server.db", "REGISTRY_STORE": f"sqlite:///{tmp_path}/server.db"}
    told |= {"ARTIFACT_DESTINATION": str(tmp_path / "kept"), "ARTIFACT_ROOT": "mlflow-artifacts:/", "SERVE_ARTIFACTS": "true"}
    words = [sys.executable, "-m", "flask", "--app", "mlflow.server:app", "run", "--port", str(port)]
    env = {**os.environ, **{f"_MLFLOW_SERVER_{name}": value for name, value in told.items()}}
    with (tmp_path / "server.log").open("w") as log, subprocess.Popen(words, env=env, stdout=log, stderr=log) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, tmp_path / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text()}")


def sales(days: int = 60, start: str = "2024-01-01", names: str = "abcd") -> pd.DataFrame:
    """Weekly shapes at heights of their own; "d" has no value at all. The price doubles them."""
    frames = []
    for i, name in enumerate(names):
        price = np.resize([1.0, 2.0, 1.0, 2.0, 1.0], days)
        y = (10.0 * (i + 1) + np.arange(days) % 7) * price * (np.nan if name == "d" else 1.0)
        frames.append(pd.DataFrame({"id": name, "t": pd.date_range(start, periods=days), "price": price, "y": y}))
    return pd.concat(frames, ignore_index=True)


def job(**options: Any) -> ManyModels:
    known = {"horizon": 3, "series": "id", "time": "t", "target": "y", "learners": ["naive", "elastic_net"], "backtest": {"windows": 2}}
    return ManyModels(Forecaster(**(known | options)), ["id"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return job(known="price").train(sales(), tmp_path_factory.mktemp("runs") / "shops", workers=1, progress=False)


@pytest.fixture(scope="module")
def model(store: Path, run: Run) -> Any:
    """The run as a model of the registry, loaded back."""
    mlflow.set_experiment("tests")
    told = tracking.log_model(run, registered="shops")
    assert int(told.registered_model_version) == 1
    return mlflow.pyfunc.load_model("models:/shops/1")


def last() -> Any:
    """The MLflow run that was begun last."""
    return mlflow.last_active_run()


def test_a_training_that_is_tracked_is_logged_whole(tmp_path: Path) -> None:
    run = job(known="price").train(sales(), tmp_path / "run", workers=1, progress=False, tracking="mlflow")
    made = last()
    assert (made.info.status, made.info.run_name) == ("FINISHED", "run")
    told = made.data.params
    assert (told["horizon"], told["time"], json.loads(told["partition_by"]), json.loads(told["learners"])) == (
        "3", "t", ["id"], ["naive", "elastic_net"],
    )  # fmt: skip
    numbers, outcomes = made.data.metrics, run.outcomes()
    assert (numbers["groups/all"], numbers["groups/done"], numbers["groups/without_model"]) == (4, 3, 1)
    assert numbers["score/mean"] == pytest.approx(outcomes["score"].mean())
    assert numbers["score/median"] == pytest.approx(outcomes["score"].median())
    board = run.leaderboard().set_index("learner")
    assert numbers["learner/elastic_net/score"] == pytest.approx(board.loc["elastic_net", "score"])
    manifest = json.loads((run.path / "run.json").read_text())
    assert made.data.tags["forecaster.data_fingerprint"] == manifest["data"]["fingerprint"]
    assert made.data.tags.get("mlflow.source.git.commit") == manifest["commit"]
    place = Path(mlflow.artifacts.download_artifacts(run_id=made.info.run_id, dst_path=str(tmp_path)))
    assert pd.read_csv(place / "leaderboard.csv")["learner"].tolist() == run.leaderboard()["learner"].tolist()
    pd.testing.assert_frame_equal(pd.read_parquet(place / "outcomes.parquet"), run.told().to_pandas())
    assert "elastic_net" in (place / "report.html").read_text()


def test_the_metrics_of_a_window_are_those_of_the_final_forecasts_in_it(run: Run) -> None:
    made = tracking.log_run(run)
    rows = run.backtest()
    rows = rows[rows["learner"] == "voting"].dropna(subset=["actual", "forecast"])
    rows["window"] = rows.groupby("id")["cutoff"].rank(method="dense").astype(int)
    error = (rows["actual"] - rows["forecast"]).abs()
    expected = (error.groupby(rows["window"]).sum() / rows["actual"].abs().groupby(rows["window"]).sum()).to_dict()
    told = mlflow.MlflowClient().get_metric_history(made, "backtest/wape")
    assert {point.step: point.value for point in told} == pytest.approx(expected)
    assert len(expected) == 2


def test_a_run_goes_into_the_mlflow_run_that_is_active(run: Run) -> None:
    with mlflow.start_run(run_name="mine") as mine:
        mlflow.log_param("night", 7)
        assert tracking.log_run(run) == mine.info.run_id
        assert mlflow.active_run().info.run_id == mine.info.run_id
    assert {"night", "horizon"} <= set(last().data.params)


def test_what_cannot_be_logged_is_a_warning_that_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("the bucket is full")

    monkeypatch.setattr(mlflow, "log_artifacts", broken)
    with pytest.warns(UserWarning, match=r"^the report could not be logged to MLflow: OSError: the bucket is full.*log_run\(run\)"):
        made = tracking.log_run(run)
    assert mlflow.get_run(made).data.metrics["groups/all"] == 4


def test_a_store_that_is_not_there_does_not_end_a_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.warns(UserWarning, match="^the run could not be logged to MLflow"):
        run = job(learners=["naive"]).train(sales(), tmp_path / "run", workers=1, progress=False, tracking="mlflow")
    assert run.outcomes().set_index("id")["status"].to_dict() == {"a": "done", "b": "done", "c": "done", "d": "failed"}  # it has no value
    assert len(run.forecast()) >= 9


def test_what_cannot_be_tracked_is_refused_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="tracking='wandb': expected \"mlflow\""):
        job().train(sales(), tmp_path / "run", tracking="wandb")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'forecaster\[mlflow\]'"):
        job().train(sales(), tmp_path / "run", tracking="mlflow")
    assert not (tmp_path / "run").exists()


def test_the_command_tracks_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sales(names="ab").to_parquet(tmp_path / "sales.parquet")
    told = {"horizon": 3, "series": "id", "time": "t", "target": "y", "learners": ["naive"], "backtest": None, "partition_by": ["id"]}
    (tmp_path / "job.yaml").write_text(json.dumps(told))
    words = ["train", tmp_path / "job.yaml", "--data", tmp_path / "sales.parquet", "--run", tmp_path / "by_command", "--quiet"]
    monkeypatch.setattr(sys, "argv", ["many-models", *map(str, words), "--tracking", "mlflow"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0, last().info.run_name) == (0, "by_command")
    assert last().data.metrics["groups/done"] == 2
    assert "could not be logged" not in capsys.readouterr().err


def test_rows_that_name_groups_give_their_forecasts(run: Run, model: Any) -> None:
    whole = run.forecast()
    told = model.predict(pd.DataFrame({"id": ["c", "a"]}))
    pd.testing.assert_frame_equal(told, whole[whole["id"].isin(["a", "c"])].reset_index(drop=True))


def test_a_future_goes_to_the_models_of_its_groups(run: Run, model: Any) -> None:
    future = sales(3, "2024-03-01", "bc").drop(columns="y").assign(price=2.0)
    told = model.predict(future.sample(frac=1, random_state=0))
    assert told["id"].tolist() == ["b"] * 3 + ["c"] * 3
    both = pd.concat([future, sales(3, "2024-03-01", "ad").drop(columns="y")])
    whole = run.forecast(both)
    pd.testing.assert_frame_equal(told, whole[whole["id"].isin(["b", "c"])].reset_index(drop=True))


def test_rows_of_groups_that_are_not_there_are_told(model: Any) -> None:
    with pytest.raises(CannotPredict, match="2 rows belong to groups without a model, the first to id=x"):
        model.predict(pd.DataFrame({"id": ["a", "x", "y"]}))
    with pytest.raises(UnknownName, match="no column of the rows is called 'id'"):
        model.predict(pd.DataFrame({"shop": ["a"]}))


def test_the_model_holds_the_run_and_no_pickle(model: Any, store: Path) -> None:
    files = [path for path in store.rglob("*") if path.is_file()]
    assert any(path.name == "run.json" for path in files)
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".joblib")]


def test_rows_of_a_classifier_keep_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"well": np.tile(["w2", "w1"], 60), "heat": rng.normal(size=120)})
    rows["fails"] = np.where((rows["heat"] > 0) == (rows["well"] == "w1"), "yes", "no")
    many = ManyModels(Classifier("fails", learners=["decision_tree"]), ["well"])
    run = many.train(rows, tmp_path / "wells", workers=1, progress=False, tracking="mlflow")
    assert "report.html" in [item.path for item in mlflow.artifacts.list_artifacts(run_id=last().info.run_id)]
    assert last().data.metrics["backtest/accuracy"] > 0.9
    asked = rows.drop(columns="fails").iloc[[5, 0, 3, 2]].reset_index(drop=True)
    told = mlflow.pyfunc.load_model(tracking.log_model(run).model_uri).predict(asked)
    assert told["heat"].tolist() == asked["heat"].tolist()
    assert told["prediction"].tolist() == rows["fails"].iloc[[5, 0, 3, 2]].tolist()


def test_a_run_without_models_is_no_model(tmp_path: Path) -> None:
    run = job(learners=["naive"]).train(sales(names="ab"), tmp_path / "run", workers=1, progress=False)
    for block in (run.path / "blocks").glob("[!.]*"):
        block.rename(run.path / block.name)
    with pytest.raises(ForecasterError, match=r"no group of the run at .* has a model"):
        tracking.log_model(run)


def test_a_server_keeps_runs_and_versions_of_models(server: str, run: Run, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment("on a server")
    made = mlflow.get_run(tracking.log_run(run))
    assert made.data.metrics["groups/all"] == 4
    assert {"report.html", "leaderboard.csv"} <= {item.path for item in mlflow.artifacts.list_artifacts(run_id=made.info.run_id)}
    assert [int(tracking.log_model(run, registered="shops").registered_model_version) for _ in range(2)] == [1, 2]
    told = mlflow.pyfunc.load_model("models:/shops/2").predict(pd.DataFrame({"id": ["b"]}))
    pd.testing.assert_frame_equal(told, run.forecast().query("id == 'b'").reset_index(drop=True))

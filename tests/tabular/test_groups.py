"""One tabular model per group: many-models, the job file and the commands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from forecaster import Classifier, Regressor, cli
from forecaster.errors import CannotPredict, UnknownName
from forecaster.jobfile import JobFile
from many_models import ManyModels, Run

OPTIONS = {"learners": ["decision_tree", "knn"], "validation": 2}


@pytest.fixture(scope="module")
def churn():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"region": np.repeat(["north", "south", "west"], 80), "age": rng.integers(18, 80, 240), "plan": rng.choice(["a", "b"], 240)}
    )
    left = (frame["age"] > 50) ^ (frame["region"] == "south")
    frame["left"] = np.where(left, "yes", "no")
    frame.loc[frame["region"] == "west", "left"] = "no"
    return frame


@pytest.fixture(scope="module")
def run(churn, tmp_path_factory):
    job = Classifier("left", **OPTIONS)
    return ManyModels(job, ["region"]).train(churn, tmp_path_factory.mktemp("churn") / "run", workers=1, progress=False)


def test_each_group_has_a_model_of_its_own(run, churn):
    told = run.outcomes().set_index("region")
    assert told["status"].to_dict() == {"north": "done", "south": "done", "west": "fallback"}
    assert "two classes" in told.loc["west", "error"]
    made = run.predict(churn.sample(frac=1.0, random_state=1))
    assert len(made) == len(churn)
    assert (made["prediction"] == made["left"]).mean() > 0.95
    assert made.loc[made["region"] == "west", "p_no"].eq(1.0).all()


def test_a_run_is_read_again_and_tells_what_it_did(run):
    again = Run.open(run.path)
    assert set(again.leaderboard()["learner"]) == {"decision_tree", "knn", "caruana", "constant"} & set(again.leaderboard()["learner"])
    assert again.leaderboard()["score"].iloc[0] > 0.9
    told = again.trials()
    assert set(told["learner"]) >= {"decision_tree", "knn"}
    assert (told.groupby("region")["trial"].min() == 1).all()
    assert {"validation", "dropped column"} & set(again.findings()["rule"])
    assert set(again.selected()["region"]) == {"north", "south", "west"}
    assert {"region", "row", "actual", "prediction"} <= set(again.backtest().columns)


def test_rows_are_needed_and_say_their_group(run, churn):
    with pytest.raises(CannotPredict, match="rows to predict"):
        run.forecast()
    with pytest.raises(UnknownName, match="region"):
        run.predict(churn.drop(columns="region"))


def test_training_again_has_nothing_to_do(run, churn):
    before = run.outcomes()
    after = ManyModels(Classifier("left", **OPTIONS), ["region"]).train(churn, run.path, workers=1, progress=False).outcomes()
    pd.testing.assert_frame_equal(before, after)


def test_a_job_file_names_the_task(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("task: classify\ntarget: left\npartition_by: region\nvalidation: {folds: 4}\nlearners: [knn]\n")
    job = JobFile.read(path)
    assert (job.task, job.partition_by, job.settings.validation.folds) == ("classify", ("region",), 4)
    path.write_text("task: clasify\ntarget: left\n")
    with pytest.raises(UnknownName, match="classify"):
        JobFile.read(path)
    path.write_text("task: regress\nhorizon: 3\n")
    with pytest.raises(UnknownName, match="horizon"):
        JobFile.read(path)


def test_the_command_fits_and_predicts_rows(churn, tmp_path):
    churn.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "job.yaml").write_text("task: classify\ntarget: left\nlearners: [knn]\nvalidation: 2\n")
    job, data, model, out = (str(tmp_path / name) for name in ("job.yaml", "rows.parquet", "model", "out.parquet"))
    made = CliRunner().invoke(cli.app, ["fit", job, "--data", data, "--out", model])
    assert made.exit_code == 0, made.output
    assert "leaderboard (auc_weighted)" in made.output
    assert CliRunner().invoke(cli.app, ["predict", "--model", model, "--data", data, "--out", out]).exit_code == 0
    assert {"prediction", "p_no", "p_yes"} <= set(pd.read_parquet(out).columns)
    assert "give the rows" in str(CliRunner().invoke(cli.app, ["predict", "--model", model, "--out", out]).exception)


def test_a_regressor_per_group():
    from forecaster.tabular.block import fit_block

    frame = pd.DataFrame({"g": [1] * 50 + [2] * 50, "x": np.tile(np.arange(50.0), 2)})
    frame["y"] = np.where(frame["g"] == 1, frame["x"], -frame["x"])
    import pyarrow as pa

    job = Regressor("y", learners=["elastic_net"], validation=2)
    made = fit_block(pa.Table.from_pandas(frame), job.settings, ("g",)).predict(pa.Table.from_pandas(frame)).to_pandas()
    assert (made["prediction"] - made["y"]).abs().max() < 2.0


def test_one_group_is_explained(run, churn):
    why = run.explain({"region": "south"}, churn)
    assert why.outputs == ("no", "yes")
    assert next(iter(why.overall_imp)) == "age"
    with pytest.raises(CannotPredict, match="region=east"):
        run.explain({"region": "east"}, churn)
    with pytest.raises(UnknownName, match="region"):
        run.explain({"regoin": "south"}, churn)

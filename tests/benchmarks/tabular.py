"""Classifier and Regressor with their defaults against a tuned LightGBM, a random forest and a linear model, in the same outer folds.

    python tests/benchmarks/tabular.py [--data FOLDER] [--only wine] [--folds 3] [--ensembles | --tune 30]

LightGBM is tuned by random search over leaves, rounds, rate and fractions, cross-validated within the training rows of each outer fold.
Numbers are the mean over the outer folds; times are CPU seconds of one fold, all on one thread. With --ensembles the sides are our own
ways to join what was tried, with --tune the defaults and a search of so many settings.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import datasets, metrics
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import ElasticNetCV, LogisticRegressionCV
from sklearn.model_selection import KFold, RandomizedSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forecaster import Classifier, Regressor

DRAWS = 12
SPACE = {
    "num_leaves": [4, 7, 15, 31, 63], "n_estimators": [50, 100, 200, 400], "learning_rate": [0.02, 0.05, 0.1],
    "min_child_samples": [3, 5, 10, 20], "colsample_bytree": [0.4, 0.7, 1.0], "reg_lambda": [0.0, 1.0, 10.0],
}  # fmt: skip
Fit = Callable[[pd.DataFrame], Callable[[pd.DataFrame], np.ndarray]]


def sets(folder: Path) -> dict[str, tuple[pd.DataFrame, bool]]:
    """Frames with a column "target", and whether it is a class."""
    made = {
        "breast cancer": (datasets.load_breast_cancer(as_frame=True).frame, True),
        "wine": (datasets.load_wine(as_frame=True).frame, True),
        "digits": (datasets.load_digits(as_frame=True).frame, True),
        "diabetes": (datasets.load_diabetes(as_frame=True).frame, False),
    }
    if (rides := folder / "bike_share" / "rides.parquet").exists():
        bikes = pd.read_parquet(rides).drop(columns=["date", "casual", "registered"])
        made["bike share"] = (bikes.rename(columns={"cnt": "target"}), False)
    return made


def ours(classes: bool, **options: object) -> Fit:
    def fit(train: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
        model = (Classifier if classes else Regressor)("target", n_jobs=1, **options).fit(train)
        if not classes:
            return lambda rows: model.predict(rows)["prediction"].to_numpy()
        return lambda rows: model.predict_proba(rows).filter(like="p_").to_numpy()[:, -train["target"].nunique() :]

    return fit


def theirs(estimator: object) -> Fit:
    def fit(train: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
        fitted = estimator.fit(train.drop(columns="target"), train["target"])  # type: ignore[attr-defined]
        said = fitted.predict_proba if hasattr(fitted, "predict_proba") else fitted.predict
        return lambda rows: said(rows.drop(columns="target"))

    return fit


def peers(classes: bool) -> dict[str, Fit]:
    scoring = "roc_auc_ovr_weighted" if classes else "neg_root_mean_squared_error"
    boosted = (LGBMClassifier if classes else LGBMRegressor)(n_jobs=1, verbosity=-1, random_state=0)
    tuned = RandomizedSearchCV(boosted, SPACE, n_iter=DRAWS, cv=3, scoring=scoring, random_state=0, n_jobs=1)
    forest = (RandomForestClassifier if classes else RandomForestRegressor)(n_estimators=300, n_jobs=1, random_state=0)
    line = LogisticRegressionCV(max_iter=2000, scoring=scoring) if classes else ElasticNetCV(l1_ratio=[0.1, 0.5, 0.9, 1.0])
    return {"LightGBM, tuned": theirs(tuned), "random forest": theirs(forest), "linear": theirs(make_pipeline(StandardScaler(), line))}


def score(truth: pd.Series, said: np.ndarray, classes: bool) -> float:
    """Weighted AUC, or the root mean squared error over the range."""
    if not classes:
        return float(metrics.root_mean_squared_error(truth, said) / np.ptp(truth))
    if said.shape[1] == 2:
        return float(metrics.roc_auc_score(truth, said[:, 1]))
    return float(metrics.roc_auc_score(truth, said, multi_class="ovr", average="weighted"))


def sides(classes: bool, asked: argparse.Namespace) -> dict[str, Fit]:
    """What is compared, by name."""
    if asked.ensembles:
        return {str(way): ours(classes, ensemble=way) for way in ("voting", "caruana", "stacking", None)}
    more = {"ours, tuned": ours(classes, tune=asked.tune)} if asked.tune else peers(classes)
    return {"ours": ours(classes), **more}


def measure(frame: pd.DataFrame, classes: bool, folds: int, sides: dict[str, Fit]) -> pd.DataFrame:
    """Mean score and CPU seconds of each over the outer folds."""
    outer = (StratifiedKFold if classes else KFold)(folds, shuffle=True, random_state=1)
    rows = []
    for train, test in outer.split(frame, frame["target"]):
        for name, fit in sides.items():
            started = time.process_time()
            said = fit(frame.iloc[train])(frame.iloc[test])
            rows.append((name, score(frame["target"].iloc[test], said, classes), time.process_time() - started))
    return pd.DataFrame(rows, columns=["who", "score", "seconds"]).groupby("who", sort=False).mean()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    arguments.add_argument("--only")
    arguments.add_argument("--folds", type=int, default=3)
    arguments.add_argument("--ensembles", action="store_true")
    arguments.add_argument("--tune", type=int)
    asked = arguments.parse_args()
    warnings.simplefilter("ignore")
    for name, (frame, classes) in sets(asked.data).items():
        if asked.only in (None, name):
            made = measure(frame, classes, asked.folds, sides(classes, asked))
            first, others = made["score"].iloc[0], made["score"].iloc[1:]
            best = others.max() if classes else others.min()
            behind = (best - first) / best * (1 if classes else -1)
            told = f"{made.index[0]} behind the best of the others by {behind:.3%}"
            print(f"\n{name}: {len(frame)} rows, {'weighted AUC' if classes else 'nrmse'}; {told}", flush=True)
            print(made.to_string(float_format="%.5g"), flush=True)


if __name__ == "__main__":
    main()

"""Any object with fit and predict in the manner of scikit-learn is a learner: it is backtested beside the others and may be chosen."""

from __future__ import annotations

from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forecaster import Forecaster
from forecaster.simulate import sales


def main() -> None:
    """Backtest two regressors of scikit-learn beside a baseline."""
    job = Forecaster(
        horizon=8,
        series=["store", "brand"],
        time="week",
        target="quantity",
        known=["price", "deal", "holiday"],
        learners=[
            "seasonal_average",
            make_pipeline(StandardScaler(), Ridge(alpha=10.0)),
            ExtraTreesRegressor(n_estimators=30, min_samples_leaf=3, random_state=0),
        ],
    )
    job.fit(sales(stores=5).to_pandas())
    print(job.leaderboard_.to_string(index=False))
    print(job.predict(sales(stores=5, future=8).to_pandas().drop(columns="quantity")).head(8).to_string(index=False))


if __name__ == "__main__":
    main()

"""Any object with fit and predict in the manner of scikit-learn is a learner: it is backtested beside the others and may be chosen."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import HuberRegressor
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
            make_pipeline(StandardScaler(), HuberRegressor(max_iter=500)),
            HistGradientBoostingRegressor(max_iter=60, random_state=0),
        ],
    )
    job.fit(sales(stores=8).to_pandas())
    print(job.leaderboard_.to_string(index=False))
    print(job.predict(sales(stores=8, future=8).to_pandas().drop(columns="quantity")).head(8).to_string(index=False))


if __name__ == "__main__":
    main()

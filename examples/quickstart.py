"""The shortest way from a table of sales to forecasts with intervals and a page to look at."""

from forecaster import Forecaster
from forecaster.simulate import sales

history = sales(stores=5).to_pandas()  # store, brand, week, quantity, price, deal, ... (simulated)
plan = sales(stores=5, future=8).to_pandas().drop(columns="quantity")  # prices and deals of the next weeks

job = Forecaster(horizon=8, series=["store", "brand"], time="week", target="quantity", known=["price", "deal"])
job.fit(history)
print(job.leaderboard_)
print(job.predict(plan))

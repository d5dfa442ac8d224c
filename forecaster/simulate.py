"""Simulated weekly sales of juice brands in stores, for the demo and the tests. No number in them was ever measured.

The shape follows the many-models accelerator's orange juice set (stores x brands, weekly from 1990-06-14, units, price, advert),
which is itself simulated: size and income of the store, price elasticity, deals with a dip after them, holidays, trend, season,
launches, closures, stock-outs, small stores that sell on some weeks only, and a few weeks that were never reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.errors import SettingsError

FIRST_WEEK = date(1990, 6, 14)
BRANDS = ("amber", "citrina", "valencia", "morning", "grove", "sunrise")
Array = NDArray[np.float64]


def sales(stores: int = 400, brands: int = 3, weeks: int = 121, seed: int = 0, *, future: int = 0) -> pa.Table:
    """Simulate weekly sales: one series per store and brand.

    Args:
        stores: Number of stores.
        brands: Number of brands that each store sells.
        weeks: Weeks of history from 1990-06-14 on.
        seed: Same seed, same table.
        future: When positive, give the `future` weeks after the history instead, of the stores that are still open. `quantity` is what
            will be sold there: drop the column to have the plan of prices and deals that is known in advance.

    Returns:
        Columns store, brand, week, quantity (units), price (dollars), deal (0 or 1), holiday (0 or 1), size (square feet), income
        (thousands of dollars a year), ordered by store, brand and week.

    Raises:
        SettingsError: A count is too small.
    """
    for name, count, least in (("stores", stores, 1), ("brands", brands, 1), ("weeks", weeks, 1), ("future", future, 0)):
        if count < least:
            raise SettingsError(f"{name} must be {least} or more, not {count}")
    world = _World(stores, brands, weeks, future, seed)
    return world.rows(world.sold_after() if future else world.reported())


@dataclass(frozen=True)
class _World:
    """All draws, time first: (weeks + future, series). Each kind of draw has a stream of its own, so a longer future changes no history."""

    stores: int
    brands: int
    weeks: int
    future: int
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.weeks + self.future, self.stores * self.brands

    def stream(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *key])

    def per_store(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values, self.brands)

    def sizes(self) -> Array:
        """Square feet; one store in ten is a kiosk."""
        draw = self.stream(1)
        kiosk = draw.random(self.stores) < 0.1
        feet: Array = np.where(kiosk, draw.uniform(300, 900, self.stores), draw.lognormal(9.6, 0.45, self.stores))
        return np.round(feet, -1)

    def incomes(self) -> Array:
        return np.round(self.stream(2).lognormal(3.55, 0.3, self.stores), 1)

    def regular_prices(self) -> Array:
        """Dollars per carton: a level per brand and store that is changed about once a year."""
        draw = self.stream(3)
        brand = np.tile(2.2 + 0.45 * np.arange(self.brands) % 1.8, self.stores)
        level = brand * self.per_store(1 + 0.002 * (self.incomes() - 35)) * draw.lognormal(0, 0.04, self.shape[1])
        jumps = self.stream(3, 1).normal(0.01, 0.05, self.shape) * (self.stream(3, 2).random(self.shape) < 0.02)
        dimes: Array = np.ceil(level * np.exp(np.cumsum(jumps, axis=0)) * 10)
        return dimes / 10 - 0.01

    def deals(self) -> Array:
        """0 or 1: the chain runs a deal on a brand every six weeks or so, most stores take part, some run their own."""
        chain = np.tile(self.stream(4, 1).random((self.shape[0], self.brands)) < 0.16, self.stores)
        takes_part = self.stream(4, 2).random(self.shape) < 0.85
        own = self.stream(4, 3).random(self.shape) < 0.02
        return ((chain & takes_part) | own).astype(np.float64)

    def prices(self) -> Array:
        share_off = self.stream(5).choice([0.1, 0.15, 0.2, 0.3], self.shape)
        paid: Array = self.regular_prices() * (1 - share_off * self.deals())
        return np.round(paid, 2)

    def holidays(self) -> Array:
        """Lift of each week in logs, 0 in ordinary weeks. (weeks + future,)"""
        return np.array([_holiday_lift(FIRST_WEEK + timedelta(weeks=w)) for w in range(self.shape[0])])

    def expected(self) -> Array:
        """Units that a well-stocked store expects to sell."""
        draw = self.stream(6)
        n = self.shape[1]
        base = np.log(self.per_store(self.sizes()) / 60) + draw.normal(0, 0.35, n) - 0.25 * np.tile(np.arange(self.brands), self.stores)
        return np.asarray(np.exp(base + self.price_effect(draw) + self.rhythm(draw) + self.weather()))

    def price_effect(self, draw: np.random.Generator) -> Array:
        """Elasticity, the lift of a deal beyond its price, and the dip once pantries are full; poorer places mind the price more."""
        n = self.shape[1]
        elasticity = -2.2 + 0.02 * (self.per_store(self.incomes()) - 35) + draw.normal(0, 0.25, n)
        relative = np.log(self.prices() / np.median(self.regular_prices()[: self.weeks], axis=0))
        deals = self.deals()
        dip = np.vstack([np.zeros((1, n)), deals[:-1]]) * (1 - deals)
        lift = np.maximum(draw.normal(0.35, 0.12, n), 0) * deals - draw.uniform(0.05, 0.2, n) * dip
        return np.asarray(elasticity * relative + lift)

    def rhythm(self, draw: np.random.Generator) -> Array:
        """Trend, season of the year, holidays."""
        n = self.shape[1]
        years = np.arange(self.shape[0])[:, None] / 52.18
        trend = draw.normal(0.03, 0.12, n) * np.minimum(years, draw.uniform(0.5, 3, n))
        depth, phase = draw.gamma(4, 0.04, n), np.tile(0.6 * np.arange(self.brands), self.stores) + draw.normal(0, 0.2, n)
        season = depth * (np.cos(2 * np.pi * years - phase) + 0.3 * np.cos(4 * np.pi * years - 2 * phase))
        return np.asarray(trend + season + self.holidays()[:, None] * draw.uniform(0.5, 1.4, n))

    def weather(self) -> Array:
        """What nobody knows in advance: a slow wave per series and one that all stores share."""
        shocks = self.stream(7).normal(0, 0.07, self.shape) + self.stream(8).normal(0, 0.03, (self.shape[0], 1))
        wave = np.zeros(self.shape)
        wave[0] = shocks[0]
        for week in range(1, self.shape[0]):
            wave[week] = 0.6 * wave[week - 1] + shocks[week]
        return wave

    def quantities(self) -> NDArray[np.int64]:
        """Units sold: more scattered than Poisson, nothing while out of stock; a kiosk sells cartons on some weeks only."""
        kiosk = self.per_store(self.sizes() < 1000)
        expected = self.expected() * np.where(kiosk, 0.12, 1.0)
        scatter = self.stream(9).gamma(np.where(kiosk, 3.0, 60.0), size=self.shape) / np.where(kiosk, 3.0, 60.0)
        begins = self.stream(10).random(self.shape) < 0.004
        longer = np.vstack([np.zeros((1, self.shape[1]), bool), begins[:-1]]) & (self.stream(11).random(self.shape) < 0.5)
        return np.where(begins | longer, 0, self.stream(12).poisson(expected * scatter))

    def lives(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First week of each series and the week after its last: some brands are launched late or just now, some stores close early."""
        draw = self.stream(13)
        late = (draw.random(self.shape[1]) < 0.08) * draw.uniform(0.1, 0.8, self.shape[1])
        new = self.stream(15).random(self.shape[1]) < 0.006
        late = np.where(new, self.stream(16).uniform(0.94, 0.99, self.shape[1]), late)
        closed = np.where(draw.random(self.stores) < 0.03, draw.uniform(0.85, 0.98, self.stores), 2.0)
        first = np.floor(late * self.weeks).astype(np.int64)
        last = np.where(closed < 1, np.ceil(closed * self.weeks), self.shape[0]).astype(np.int64)
        return first, np.maximum(self.per_store(last).astype(np.int64), first + 1)

    def reported(self) -> NDArray[np.bool_]:
        """Rows of the history: alive and not forgotten. (weeks + future, series)"""
        first, last = self.lives()
        week = np.arange(self.shape[0])[:, None]
        forgotten = (self.stream(14).random(self.shape) < 0.0008) & (week > first)
        return (week >= first) & (week < last) & (week < self.weeks) & ~forgotten

    def sold_after(self) -> NDArray[np.bool_]:
        """Rows of the weeks after the history."""
        week = np.arange(self.shape[0])[:, None]
        return (week >= self.weeks) & (week < self.lives()[1])

    def rows(self, kept: NDArray[np.bool_]) -> pa.Table:
        series, week = np.nonzero(kept.T)
        store, brand = np.divmod(series, self.brands)
        names = [BRANDS[b] if b < len(BRANDS) else f"brand_{b + 1}" for b in range(self.brands)]
        stamps = np.datetime64(FIRST_WEEK, "us") + np.arange(self.shape[0]) * np.timedelta64(7 * 86_400_000_000, "us")
        columns = {
            "store": store + 1001,
            "brand": np.array(names)[brand],
            "week": stamps[week],
            "quantity": self.quantities()[week, series],
            "price": self.prices()[week, series],
            "deal": self.deals()[week, series].astype(np.int8),
            "holiday": (self.holidays() > 0)[week].astype(np.int8),
            "size": self.sizes()[store],
            "income": self.incomes()[store],
        }
        return pa.table(columns)


def _holiday_lift(week: date) -> float:
    """Lift in logs of the seven days from `week` on."""
    days = [week + timedelta(days=d) for d in range(7)]
    lift = 0.0
    for day in days:
        if (day.month, day.day) == (12, 24):
            lift = max(lift, 0.45)
        if (day.month, day.day) in ((7, 4), (1, 1)):
            lift = max(lift, 0.2)
        if day.month == 11 and day.weekday() == 3 and 22 <= day.day <= 28:
            lift = max(lift, 0.35)
    return lift

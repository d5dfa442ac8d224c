"""Hours, memory and money for a million groups and more, from costs that were measured on one machine.

    python tests/benchmarks/scale_on_paper.py

The costs are those of `bookkeeping.py`, `scale.py` and the benchmarks of the learners; give others to see what they come to.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import ceil

GROUPS = (1_000_000, 10_000_000, 100_000_000)
LEARNERS = {"naive and seasonal naive": 0.3e-3, "arima": 3.1e-3, "5 learners, 3 windows, vote": 33e-3}
"""Processor seconds of a group of one series of some hundred values: measured."""


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Args:
        per_row: Processor seconds of the driver per row: the one pass that counts and hashes.
        per_group: Processor seconds of bookkeeping per group.
        held: Bytes that the driver holds per group.
        stored: Bytes on disk per group.
        price: Price of a core for an hour, with its memory.
    """

    per_row: float = 0.15e-6
    per_group: float = 17e-6
    held: float = 1_200.0
    stored: float = 4_600.0
    price: float = 0.04


def line(groups: int, rows: int, learner: str, cores: int, costs: Costs) -> str:
    """One line of the table."""
    fit = groups * LEARNERS[learner]
    driver = groups * rows * costs.per_row + groups * costs.per_group
    hours = (fit / cores + driver) / 3600
    held = groups * costs.held / 1e9
    machines = ceil(cores / 16)
    money = hours * cores * costs.price
    return (
        f"| {groups // 1_000_000:,}M | {learner} | {machines} x 16 | {fit / 3600:,.1f} | {driver / 3600:,.2f} | {hours:,.2f} | "
        f"{held:,.0f} | {groups * costs.stored / 1e9:,.1f} | {money:,.2f} |"
    )


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--rows", type=int, default=500, help="rows per group")
    for name, value in vars(Costs()).items():
        told.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)
    asked = vars(told.parse_args())
    rows = asked.pop("rows")
    costs = Costs(**asked)
    print("| groups | learners | machines | core hours of fits | driver hours | hours | driver GB | stored GB | money |")
    print("|---|---|---|---|---|---|---|---|---|")
    for groups, cores in zip(GROUPS, (16, 64, 256), strict=True):
        for learner in LEARNERS:
            print(line(groups, rows, learner, cores, costs))


if __name__ == "__main__":
    main()

"""Rolling-origin backtests: several cutoffs per series, and what a learner says after each, knowing only what came before."""

from forecaster.backtest.origin import RollingOrigin, shortest
from forecaster.backtest.out_of_fold import OutOfFold, Walk, backtest
from forecaster.backtest.window import Window, actuals, cutoffs

__all__ = ["OutOfFold", "RollingOrigin", "Walk", "Window", "actuals", "backtest", "cutoffs", "shortest"]

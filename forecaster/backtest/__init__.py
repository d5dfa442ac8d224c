"""Rolling-origin backtests: several cutoffs per series, and what a learner says after each, knowing only what came before."""

from forecaster.backtest.origin import RollingOrigin, shortest
from forecaster.backtest.out_of_fold import OutOfFold, Walk, apart, backtest
from forecaster.backtest.window import Window, actuals, beyond, cutoffs

__all__ = ["OutOfFold", "RollingOrigin", "Walk", "Window", "actuals", "apart", "backtest", "beyond", "cutoffs", "shortest"]

"""Forecasting many series: features, backtests, selection and quantiles for one series or a million.

Names are imported when they are first used, so that `import forecaster` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecaster.backtest import RollingOrigin as RollingOrigin
    from forecaster.features.featurization import Featurization as Featurization
    from forecaster.job import Forecaster as Forecaster
    from forecaster.tabular.featurization import Columns as Columns
    from forecaster.tabular_job import Classifier as Classifier
    from forecaster.tabular_job import Regressor as Regressor

__version__ = "0.1.0"

_HOMES = {
    "Classifier": "forecaster.tabular_job",
    "Columns": "forecaster.tabular.featurization",
    "Featurization": "forecaster.features.featurization",
    "Forecaster": "forecaster.job",
    "Regressor": "forecaster.tabular_job",
    "RollingOrigin": "forecaster.backtest",
}
__all__ = ["Classifier", "Columns", "Featurization", "Forecaster", "Regressor", "RollingOrigin"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecaster' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

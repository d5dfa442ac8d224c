"""Why a model says what it says: contributions that add up to the prediction, and parts that add up to the forecast."""

from forecaster.explain.explanation import Explanation

__all__ = ["Explanation"]

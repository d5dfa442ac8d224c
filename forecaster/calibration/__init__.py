"""How far off forecasts are: sizes that are expected beforehand, and the spread that out-of-fold residuals show."""

from forecaster.calibration.sizes import APART, expected, told_width, usual, yardstick
from forecaster.calibration.spread import Bands, Sized, Spread

__all__ = ["APART", "Bands", "Sized", "Spread", "expected", "told_width", "usual", "yardstick"]

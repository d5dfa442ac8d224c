"""How far off forecasts are: sizes that are expected beforehand, and the spread that out-of-fold residuals show."""

from forecaster.calibration.sized import Sized
from forecaster.calibration.sizes import APART, Usual, expected, told_width, yardstick
from forecaster.calibration.spread import Bands, Spread

__all__ = ["APART", "Bands", "Sized", "Spread", "Usual", "expected", "told_width", "yardstick"]

"""One model per store, product or device, in one batch run that can be killed, resumed, forecast and explained."""

from many_models.many import ManyModels
from many_models.registry import Registry
from many_models.run import Run

__all__ = ["ManyModels", "Registry", "Run"]

"""What the page calls run: that of the demo, of a few stores."""

import sys
from pathlib import Path

import play

from forecaster.simulate import sales
from many_models import ManyModels

sys.path.insert(0, str(Path(play.__file__).parents[2] / "examples"))
from demo import job

run = ManyModels(job(), partition_by=["store", "brand"]).train(sales(stores=3), path="demo/run", workers=1, progress=False)

"""What an installed wheel has to pass: it is typed, it has its pages and its kernels, and it forecasts.

python .ci/wheel.py [WHEEL]
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from importlib.resources import files
from pathlib import Path

from forecaster import Forecaster
from forecaster.simulate import sales
from many_models import ManyModels

for package in ("forecaster", "many_models"):
    assert files(package).joinpath("py.typed").is_file(), f"{package} has no py.typed"
# Asked of the root: a plain install lacks what the server imports.
for package, page in (("forecaster", "report/templates/page.html"), ("many_models", "serve/studio/templates/run.html")):
    assert files(package).joinpath(page).is_file(), f"{package} has no {page}"
for wheel in sys.argv[1:]:
    held = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in held if name.endswith((".cpp", ".hpp"))], f"{wheel} holds sources of kernels"
    assert any(name.endswith(".so") for name in held), f"{wheel} holds no kernel"

job = Forecaster(
    4, series=["store", "brand"], time="week", target="quantity", learners=["ets", "arima", "theta", "ces", "croston", "lightgbm"]
)
with tempfile.TemporaryDirectory() as folder:
    run = ManyModels(job, ["store"]).train(sales(stores=2), Path(folder, "run"), workers=1, progress=False)
    assert set(run.outcomes()["status"].to_pylist()) == {"done"}
    run.report(Path(folder, "run.html"))
    print(run.forecast().num_rows, "forecasts")

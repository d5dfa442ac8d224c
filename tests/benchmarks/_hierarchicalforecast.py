"""One method of hierarchicalforecast on base forecasts and residuals from a file. Run by hierarchy.py, in an interpreter that has it."""

import sys
import time
from pathlib import Path

import numpy as np
from hierarchicalforecast.methods import BottomUp, BottomUpSparse, MinTrace, MinTraceSparse
from scipy.sparse import csr_matrix

folder, how = Path(sys.argv[1]), sys.argv[2]
given = np.load(folder / "in.npz")
sums = csr_matrix((np.ones(len(given["row"])), (given["row"], given["col"])))
base, residuals = given["base"], given["residuals"]
dense = how == "mint_shrink"
method = (BottomUp() if dense else BottomUpSparse()) if how == "bottom_up" else (MinTrace if dense else MinTraceSparse)(method=how)
if dense and base.shape[0] > 20_000:
    print(f"needs {base.shape[0]:,} x {base.shape[0]:,} numbers, {base.shape[0] ** 2 * 8 / 1e9:.0f} GB: not run")
    raise SystemExit
begin = time.perf_counter()
made = method.fit_predict(S=sums.toarray() if dense else sums, y_hat=base, y_insample=residuals, y_hat_insample=np.zeros_like(residuals))
print(f"{time.perf_counter() - begin:7.2f} s")
np.save(folder / "out.npy", made["mean"])

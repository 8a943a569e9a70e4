"""POT, of which gensim needs one function, for tests: SciPy's linear programming does the same."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest


def emd2(supply: Any, demand: Any, costs: Any) -> float:
    """Return the least cost of moving a supply, (n,), to a demand, (m,), at some costs, (n, m)."""
    linprog: Any = pytest.importorskip("scipy.optimize").linprog
    n, m = np.shape(costs)
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog(np.ravel(costs), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([supply, demand]))
    assert found.success, found.message
    return float(found.fun)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let gensim find it."""
    module = types.ModuleType("ot")
    module.emd2 = emd2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ot", module)

"""Water on its way: a pipe run as well-mixed cells in series, which delays and smears a little.

Tanks in series (Levenspiel, Chemical Reaction Engineering, ch. 14): n cells delay a change by their
volume over the flow, with a spread of 1/√n of it. Implicit and upwind: any step is stable, and what
leaves a cell is booked in the next.
"""

from __future__ import annotations

import numpy as np

from sim.arrays import Array


def step_pipe(cells_c: Array, inlet_c: Array, stream_kw_k: Array, cell_kj_k: float, step_s: float) -> Array:
    """Advance all cells by one step. Shape (..., cells), the last one the outlet. [°C]

    Heat gained by the run is exactly ``stream · (inlet - new outlet) · step``.
    """
    share = step_s * stream_kw_k / (cell_kj_k + step_s * stream_kw_k)
    cells, before = [], inlet_c
    for i in range(cells_c.shape[-1]):
        before = cells_c[..., i] + share * (before - cells_c[..., i])
        cells.append(before)
    return np.stack(cells, axis=-1)

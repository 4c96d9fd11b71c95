"""Random weights that any machine draws alike: how a port is held to its reference where weights are not to be had.

Both nets get the same numbers, the reference under its own names; the port reads them as it would read the
published file. Such weights are for tests alone: what a net says with them means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def weights(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Arrays for all names, drawn in sorted order of the names, of a size that keeps activations near one."""
    random = np.random.Generator(np.random.PCG64(seed))
    drawn: dict[str, NDArray[np.float32]] = {}
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if name.endswith("num_batches_tracked"):
            drawn[name] = np.zeros(shape, np.int64)
            continue
        if len(shape) >= 2:
            array = random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        elif name.endswith(("running_var", "weight")):
            array = random.random(shape, np.float32) + np.float32(0.5)
        else:
            array = random.standard_normal(shape, np.float32) * np.float32(0.1)
        drawn[name] = array
    return drawn

"""Products of matrices that are the same to the last bit, however many threads the linear algebra has.

A library such as OpenBLAS deals a large product out to its threads, and the sums in a frame's numbers are then taken in
another order: mel spectrograms of one sound differed by 8e-6 between one thread and two. Small products it does on the
thread that calls. So a large one is done here in blocks of a size that depends on its shape alone, each too small to be
dealt out; this is also faster where files are what runs in parallel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SMALL = 2**18  # multiplications of a block; OpenBLAS deals out products of more than that
_LEAST = 8  # rows and columns of a block, that a processor's vectors be full


def product(left: Floats, right: Floats, out: Floats | None = None) -> Floats:
    """``left @ right`` of float32 matrices (n, k) and (k, m), into ``out`` if it is given."""
    (count, inner), width = left.shape, right.shape[1]
    result = np.empty((count, width), np.float32) if out is None else out
    columns = min(width, max(_LEAST, SMALL // (_LEAST * max(inner, 1)) // _LEAST * _LEAST))
    rows = max(2, SMALL // (max(inner, 1) * max(columns, 1)))
    rows -= rows % _LEAST if rows > _LEAST else 0
    for j in range(0, width, columns):
        factor, target = right[:, j : j + columns], result[:, j : j + columns]
        for i in range(0, count, rows):
            block, place = left[i : i + rows], target[i : i + rows]
            if 1 in place.shape:  # BLAS has other functions for vectors, which it deals out sooner
                np.einsum("ij,jk->ik", block, factor, out=place)
            else:
                np.matmul(block, factor, out=place)
    return result

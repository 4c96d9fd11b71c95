"""The CNN from scratch, Earmark's head: ``cnn_earmark.py THREADS BFLOAT16``."""

import sys
import time

import numpy as np
import torch
from worker import serve

from earmark.core import plugins

torch.set_num_threads(int(sys.argv[1]))


def epochs(rows, shape, classes, batch, count):
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, *shape)).astype(np.float32)
    y = random.integers(0, classes, rows).astype(str)

    def seconds(epochs):
        head = plugins.build("heads", "cnn", epochs=epochs, batch=batch, spare=0, bfloat16=sys.argv[2] == "True")
        began = time.perf_counter()
        head.fit(x, y)
        return time.perf_counter() - began

    one = seconds(1)
    return [(seconds(1 + count) - one) / count]


serve({"epochs": epochs})

"""Makes checkpoint/: one set of small arrays as TensorFlow itself writes it, in both versions of its format.

    pip install tensorflow-cpu==2.21.0
    python tests/golden/make_checkpoints.py

The arrays are those of `arrays()` below, which tests/test_weights.py computes again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np


def arrays() -> dict[str, np.ndarray]:
    """Names that share beginnings (the table compresses them), several ranks, more than one data type."""
    made = {f"net/layer_{i}/kernel": np.arange(i * 6, dtype=np.float32).reshape(i, 2, 3) / 7 for i in range(1, 30)}
    made |= {f"net/layer_{i}/bias": np.full(i, -i / 3, np.float32) for i in range(1, 30)}
    return made | {"net/scalar": np.array(0.1, np.float32)}


if __name__ == "__main__":
    import tensorflow as tf

    folder = Path(__file__).with_name("checkpoint")
    v1 = tf.compat.v1
    for version, name in ((v1.train.SaverDef.V2, "v2"), (v1.train.SaverDef.V1, "v1.ckpt")):
        with tf.Graph().as_default(), v1.Session() as session:
            for key, value in arrays().items():
                v1.get_variable(key, initializer=value, use_resource=False)
            v1.get_variable("global_step", initializer=np.int64(7), use_resource=False)
            session.run(v1.global_variables_initializer())
            saver = v1.train.Saver(write_version=version)
            saver.save(session, str(folder / name), write_meta_graph=False, write_state=False)

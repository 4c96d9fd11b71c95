"""The CNN from scratch in Keras, layer by layer that of ``heads/cnn.py``: ``cnn_keras.py THREADS``."""

import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from worker import serve

threads = int(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)


def epochs(rows, shape, classes, batch, count):
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, *shape)).astype(np.float32)
    y = random.integers(0, classes, rows)
    net = keras.Sequential([keras.Input((*shape, 1))])
    for filters in (32, 64, 128):
        net.add(layers.Conv2D(filters, 3, padding="same"))
        net.add(layers.MaxPooling2D(2, padding="same"))
        net.add(layers.ReLU())
    net.add(layers.Flatten())
    for width in (128, 64):
        net.add(layers.Dense(width, activation="relu"))
    net.add(layers.Dropout(0.3))
    net.add(layers.Dense(classes))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer=keras.optimizers.Adam(1e-4), loss=loss, metrics=["accuracy"])

    at = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: at.append(time.perf_counter()))
    net.fit(x[..., None], y, batch_size=batch, epochs=count + 1, verbose=0, callbacks=[clock])
    return np.diff(at).tolist()  # without the first, in which the graph is made


serve({"epochs": epochs})

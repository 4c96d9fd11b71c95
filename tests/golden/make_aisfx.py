"""Makes aisfx.npz: log-mel (Essentia) and embeddings of aisfx 0.1.2 with its real weights on a made-up sound.

pip install torch numpy essentia==2.1b6.dev1389
pip download --no-deps aisfx==0.1.2 && unzip aisfx-0.1.2-*.whl
python tests/golden/make_aisfx.py aisfx
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from signals import sweep

sys.path[:0] = [
    str(Path(sys.argv[1]).parent),
    str(Path(sys.argv[1]) / "spectrogram"),
    str(Path(sys.argv[1]) / "models"),
]
import cnn2d  # noqa: E402
import spectrogram_essentia  # noqa: E402

with tempfile.NamedTemporaryFile(suffix=".wav") as file:
    soundfile.write(file.name, sweep(4.0, 44100), 44100, subtype="FLOAT")
    log_mel = spectrogram_essentia.compute_spectrogram(
        file.name, sr=44100.0, block_size=2048, hop_size=1024, n_mels=96, f_min=0.0, f_max=22050.0
    )
scaled = log_mel / 9.457798957824707  # preprocessing.py, spec_norm="original"
blocks = torch.from_numpy(np.stack([scaled[start : start + 100] for start in (0, 50)]))
state, classes = torch.load(Path(sys.argv[1]) / "models/checkpoint.pth", map_location="cpu", weights_only=False)
net = cnn2d.CrossNet(cnn2d.EmbeddingNet("max", 3, 1, 64), classes, "cpu")
net.load_state_dict(state)
with torch.no_grad():
    embedding = net.eval().get_embedding(blocks)
np.savez_compressed(
    Path(__file__).with_name("aisfx.npz"), front=scaled[:150:3].astype(np.float32), embedding=embedding.numpy()
)

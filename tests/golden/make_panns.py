"""Makes panns.npz: log-mel and outputs of PANNs' reference code under seeded random weights.

Cnn14 is panns_inference's. The package lacks the MobileNets: they are those of the authors' repository
audioset_tagging_cnn (``pytorch/models.py``), whose file is given as the argument.

    pip install torch numpy librosa torchlibrosa==0.1.0 matplotlib && pip install --no-deps panns_inference==0.1.1
    python tests/golden/make_panns.py audioset_tagging_cnn/pytorch/models.py
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
from seeded import weights
from signals import sweep

# The package downloads AudioSet's labels when it is imported; they play no part here.
sys.modules["panns_inference.config"] = types.SimpleNamespace(labels=[], classes_num=527)
from panns_inference.models import Cnn14  # noqa: E402

spec = importlib.util.spec_from_file_location("audioset_models", sys.argv[1])
models = importlib.util.module_from_spec(spec)
sys.modules["audioset_models"] = models
spec.loader.exec_module(models)

AT_32K = {"sample_rate": 32000, "window_size": 1024, "hop_size": 320, "mel_bins": 64, "fmin": 50, "fmax": 14000}
AT_16K = {"sample_rate": 16000, "window_size": 512, "hop_size": 160, "mel_bins": 64, "fmin": 50, "fmax": 8000}
NETS = {
    "cnn14": (Cnn14, AT_32K),
    "cnn14-16k": (Cnn14, AT_16K),
    "mobilenetv1": (models.MobileNetV1, AT_32K),
    "mobilenetv2": (models.MobileNetV2, AT_32K),
}
golden = {}
for name, (build, facts) in NETS.items():
    net = build(**facts, classes_num=527).eval()
    shapes = {n: tuple(t.shape) for n, t in net.state_dict().items() if "extractor" not in n}
    net.load_state_dict({n: torch.from_numpy(a) for n, a in weights(shapes).items()}, strict=False)
    rate = facts["sample_rate"]
    sound = sweep(15.0, rate)
    windows = torch.from_numpy(np.stack([sound[: 10 * rate], sound[5 * rate :]]))
    with torch.no_grad():
        log_mel = net.logmel_extractor(net.spectrogram_extractor(windows))[:, 0].numpy()
        out = net(windows)
    golden |= {
        f"{name}/shapes": json.dumps(shapes),
        f"{name}/log_mel": log_mel[:, ::50],
        f"{name}/embedding": out["embedding"].numpy(),
        f"{name}/scores": out["clipwise_output"].numpy(),
    }
    print(name, log_mel.shape, float(out["embedding"].std()), float(out["clipwise_output"].std()))  # noqa: T201
np.savez_compressed(Path(__file__).with_name("panns.npz"), **golden)

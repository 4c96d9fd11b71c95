"""torchvggish under seeded weights: ``vggish_torch.py WEIGHTS.npz THREADS``."""

import sys

import numpy as np
import soundfile
import soxr
import torch
from torchvggish import vggish_input
from torchvggish.torchvggish import _vgg
from worker import serve

torch.set_num_threads(int(sys.argv[2]))
net = _vgg()
with np.load(sys.argv[1]) as params:
    net.load_state_dict({name: torch.from_numpy(params[name]) for name in params.files})
net.eval()


def rows(file):
    samples, rate = soundfile.read(file, dtype="float32")
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    if rate != 16000:  # here and not by torchvggish: its resampler is slow
        samples = soxr.resample(samples, rate, 16000)
    patches = vggish_input.waveform_to_examples(samples, 16000, return_tensor=False)
    with torch.inference_mode():
        return net(torch.from_numpy(np.asarray(patches, np.float32).reshape(-1, 1, 96, 64))).numpy()


def corpus(files):
    return sum(len(rows(file)) for file in files)


def one(file):
    return rows(file)[0].tolist()


serve({"corpus": corpus, "one": one})

"""Makes mel.npz: reference mel spectrograms of a made-up sound, every 7th frame.

    pip install librosa==0.11.0 && pip download --no-deps torchvggish==0.2 && tar xf torchvggish-0.2.tar.gz
    python tests/golden/make_mel.py torchvggish-0.2/torchvggish/mel_features.py

``vggish`` and ``yamnet`` come from the AudioSet release's mel_features.py (VGGish's numpy reference, which also
defines TensorFlow's linear_to_mel_weight_matrix); the others from librosa with center=True, pad_mode="constant".
"""

import importlib.util
import sys
from pathlib import Path

import librosa
import numpy as np
from signals import sweep

found = importlib.util.spec_from_file_location("mel_features", sys.argv[1])
mel_features = importlib.util.module_from_spec(found)
found.loader.exec_module(mel_features)

STEP = 7
sound = sweep(3.0)
google = {"audio_sample_rate": 16000, "num_mel_bins": 64, "lower_edge_hertz": 125, "upper_edge_hertz": 7500}


def librosa_mel(**options):
    return librosa.feature.melspectrogram(y=sound, pad_mode="constant", **options).T


paper = librosa_mel(sr=22050, n_fft=2048, hop_length=512, n_mels=128)
peak = librosa.power_to_db(paper, ref=np.max, top_db=40)
np.savez_compressed(
    Path(__file__).with_name("mel.npz"),
    vggish=mel_features.log_mel_spectrogram(sound, log_offset=0.01, **google)[::STEP].astype(np.float32),
    yamnet=mel_features.log_mel_spectrogram(sound, log_offset=0.001, **google)[::STEP].astype(np.float32),
    musicnn=np.log10(1 + 1e4 * librosa_mel(sr=16000, n_fft=512, hop_length=256, n_mels=96))[::STEP],
    aisfx=np.log10(
        1 + 1e4 * librosa_mel(sr=44100, n_fft=2048, hop_length=1024, n_mels=96, htk=True, norm=None, power=1)
    )[::STEP],
    paper=librosa.power_to_db(paper, top_db=None)[::STEP],
    paper_below_peak=peak[::STEP],
    amplitude=librosa.amplitude_to_db(
        librosa_mel(sr=16000, n_fft=512, hop_length=160, win_length=400, n_mels=40, fmin=50, fmax=7000, power=1),
        top_db=None,
    )[::STEP],
    mfcc=librosa.feature.mfcc(S=librosa.power_to_db(paper, top_db=None).T, n_mfcc=20).T[::STEP],
    mfcc_delta=librosa.feature.delta(
        librosa.feature.mfcc(S=librosa.power_to_db(paper, top_db=None).T, n_mfcc=20), width=9
    ).T[4:-4][::STEP],
)

"""librosa's log-mel with the numbers of YAMNet's: ``mel_librosa.py``."""

import librosa
import numpy as np
from worker import serve


def mel(times, samples):
    made = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    for _ in range(times):
        power = librosa.feature.melspectrogram(
            y=made,
            sr=16000,
            n_fft=512,
            win_length=400,
            hop_length=160,
            n_mels=64,
            fmin=125,
            fmax=7500,
            power=1,
            htk=True,
            norm=None,
            center=False,
        )
        np.log(power + np.float32(0.001))


serve({"mel": mel})

"""Earmark itself, as a worker: ``earmark_embeddings.py BACKBONE THREADS [NET.onnx]``; NET instead of the installed one.

``corpus`` embeds files (decode, resample, front end, net); ``bare`` runs the net alone, on as many inputs as those files
give, made beforehand: the limit.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from worker import serve

from earmark import audio
from earmark.audio import mel
from earmark.backbones.yamnet import SPEC
from earmark.core import plugins
from earmark.core.spec import Part
from earmark.data.clips import Clip
from earmark.embeddings.make import embedded

part = Part.parse(sys.argv[1])
given = {"weights": Path(sys.argv[3])} if len(sys.argv) > 3 else {}
backbone = plugins.build("backbones", part.name, **part.kwargs, **given)
threads = int(sys.argv[2])


def corpus(files):
    clips = [Clip(file, Path(file)) for file in files]
    return sum(len(block) for one in embedded(clips, backbone, workers=threads) for block in one.blocks)


@cache
def inputs(files):
    return [np.ascontiguousarray(backbone.inputs(audio.load(file, backbone.sample_rate))) for file in files]


def prepare(files):
    inputs(tuple(files))


def bare(files):
    with ThreadPoolExecutor(threads) as pool:
        return sum(map(len, pool.map(backbone.net, inputs(tuple(files)))))


def one(file):
    return next(iter(embedded([Clip(file, Path(file))], backbone))).blocks[0][0].tolist()


def front(files):
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda file: backbone.inputs(audio.load(file, backbone.sample_rate)), files))


def log_mel(times, samples):
    made = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    for _ in range(times):
        mel.log_mel(made, SPEC)


serve({"corpus": corpus, "prepare": prepare, "bare": bare, "one": one, "front": front, "mel": log_mel})

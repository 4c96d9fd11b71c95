"""YAMNet: a MobileNet v1 on log-mel patches of 96 x 64, trained on the 521 classes of AudioSet.

Plakal and Ellis, 2020, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet;
Howard et al., MobileNets, 2017, https://arxiv.org/abs/1704.04861. Held to Google's graph by tests/test_nets_yamnet.py.

    (n, 96, 64) ──image──▶ (n, 1, 96, 64) ──layer1 … layer14──▶ (n, 1024, 3, 2) ──embedding──▶ (n, 1024)
    ──logits──▶ (n, 521) ──scores──▶ (n, 521), each class from 0 to 1
"""

from __future__ import annotations

import csv
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers

# (stride, channels) of the separable layers 2 to 14; layer 1 is a plain convolution.
SEPARABLE = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), (1, 512), (1, 512), (1, 512), (1, 512), (1, 512),
    (2, 1024), (1, 1024),
)  # fmt: skip
EPSILON = 1e-4
CLASSES = 521
_LAYER = "layer-1/layer/_func/_yamnet/layer_with_weights-{}/{}/.ATTRIBUTES/VARIABLE_VALUE"


def _conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution with TensorFlow's 'same' padding, batch norm, ReLU.

    At stride 2 an even side needs one zero, and TensorFlow puts it after the last sample; PyTorch's
    symmetric padding would shift the grid.
    """
    padding = kernel // 2 if stride == 1 else 0
    pad = [nn.ZeroPad2d((0, 1, 0, 1))] if stride == 2 else []
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return [*pad, convolution, nn.BatchNorm2d(outputs, eps=EPSILON), nn.ReLU()]


class Mean(nn.Module):
    """Average over time and frequency."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def module() -> nn.Sequential:
    """YAMNet as one line of named blocks, untrained."""
    blocks: OrderedDict[str, nn.Module] = OrderedDict(image=nn.Unflatten(1, (1, 96)))
    blocks["layer1"] = nn.Sequential(*_conv(1, 32, stride=2))
    channels = 32
    for number, (stride, outputs) in enumerate(SEPARABLE, start=2):
        depthwise = _conv(channels, channels, stride=stride, groups=channels)
        blocks[f"layer{number}"] = nn.Sequential(*depthwise, *_conv(channels, outputs, kernel=1))
        channels = outputs
    blocks["embedding"] = Mean()
    blocks["logits"] = nn.Linear(channels, CLASSES)
    blocks["scores"] = nn.Sigmoid()
    return nn.Sequential(blocks)


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[np.float32]]:
    """Arrays of ``module()`` from the TensorFlow checkpoint of Google's SavedModel.

    The checkpoint numbers its layers in their order: a convolution, its batch norm, the next convolution, …
    Batch norm has no gamma there, which is a gamma of one.
    """
    tensors = readers.tensorflow(files["variables.index"], files["variables.data-00000-of-00001"])
    arrays: dict[str, NDArray[np.float32]] = {}
    number = 0
    net = module()
    for name, part in net.named_modules():
        if isinstance(part, nn.Conv2d):
            depthwise = part.groups > 1
            kernel = tensors[_LAYER.format(number, "depthwise_kernel" if depthwise else "kernel")]
            # (height, width, inputs, outputs) -> (outputs, inputs, height, width); a depthwise kernel is
            # (height, width, channels, 1) -> (channels, 1, height, width).
            arrays[f"{name}.weight"] = kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        elif isinstance(part, nn.BatchNorm2d):
            arrays[f"{name}.bias"] = tensors[_LAYER.format(number, "beta")]
            arrays[f"{name}.weight"] = np.ones_like(arrays[f"{name}.bias"])
            arrays[f"{name}.running_mean"] = tensors[_LAYER.format(number, "moving_mean")]
            arrays[f"{name}.running_var"] = tensors[_LAYER.format(number, "moving_variance")]
        elif isinstance(part, nn.Linear):
            arrays[f"{name}.weight"] = tensors[_LAYER.format(number, "kernel")].T
            arrays[f"{name}.bias"] = tensors[_LAYER.format(number, "bias")]
        else:
            continue
        number += 1
    return arrays


def labels(files: Mapping[str, Path]) -> list[str]:
    """Names of the 521 AudioSet classes, in the order of the scores."""
    with files["yamnet_class_map.csv"].open(newline="", encoding="utf-8") as file:
        return [row["display_name"] for row in csv.DictReader(file)]

"""Ten convolutions and a dense layer of 1200: the net of a widespread tutorial on classifying music by mel spectrogram.

    (n, height, width) ──▶ [conv 3x3, conv 3x3, max pool] x 5: 32, 64, 128, 256, 512 filters ──▶ dense 1200 ──▶ classes

Dropout of .3 after the third and the fifth block, .45 before the last layer. On images of 150 x 150 the first
convolution of a block is padded and the second is not. An image of 31 x 128 is too small for that to the end; the paper
reports 12,712,058 parameters on it, but not how it got there. Here a block whose image has got too small pads both
convolutions and pools step by step of one, or is not pooled at all: (31, 128) then ends at (1, 13), which gives exactly that number.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

FILTERS = (32, 64, 128, 256, 512)
SMALLEST = 4  # the shorter side that an unpadded convolution and a pool of 2 leave something of


def module(
    height: int, width: int, classes: int, *, filters: Sequence[int] = FILTERS, hidden: int = 1200
) -> nn.Sequential:
    """(n, height, width) -> logits (n, classes), untrained.

    It starts as He et al., 2015, https://arxiv.org/abs/1502.01852 say; under PyTorch's own start (and Keras') the signal
    fades over ten layers without normalisation, and learning begins late or never.
    """
    made: list[nn.Module] = [nn.Unflatten(1, (1, height))]
    channels = 1
    for number, more in enumerate(filters, start=1):
        roomy = min(height, width) >= SMALLEST
        made += [nn.Conv2d(channels, more, 3, padding=1), nn.ReLU()]
        made += [nn.Conv2d(more, more, 3, padding=0 if roomy else 1), nn.ReLU()]
        if roomy:
            made.append(nn.MaxPool2d(2))
            height, width = (height - 2) // 2, (width - 2) // 2
        elif min(height, width) >= 2:
            made.append(nn.MaxPool2d(2, stride=1))
            height, width = height - 1, width - 1
        if number in (3, 5):
            made.append(nn.Dropout(0.3))
        channels = more
    dense = [nn.Linear(channels * height * width, hidden), nn.ReLU(), nn.Dropout(0.45), nn.Linear(hidden, classes)]
    net = nn.Sequential(*made, nn.Flatten(), *dense)
    for part in net:
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            part.bias.data.zero_()  # type: ignore[union-attr]
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

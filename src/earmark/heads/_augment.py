"""What nets learn from is changed in every batch, so that they do not learn it by heart.

Mixup: Zhang et al., 2018, https://arxiv.org/abs/1710.09412. SpecAugment's masks (without its warping of time): Park et
al., 2019, https://arxiv.org/abs/1904.08779.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import RecipeError
from ._net import Augment

MASKS = 2  # per axis
PART = 0.15  # of an axis that one mask covers at most


@dataclass(frozen=True)
class Changed:
    """Embeddings (b, *shape) and targets (b, classes) -> the same, masked and mixed. Draws from torch's generator."""

    mixup: float
    specaugment: bool

    def __call__(self, embeddings: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self.specaugment:
            embeddings = masked(embeddings)
        return mixed(embeddings, targets, self.mixup) if self.mixup else (embeddings, targets)


def augmentation(*, mixup: float = 0.0, specaugment: bool = False) -> Augment | None:
    """``mixup``: alpha of its Beta distribution, 0 for none (0.2 is usual). ``specaugment``: mask bands and times.

    Raises RecipeError.
    """
    if not 0 <= mixup <= 100:
        raise RecipeError(f"mixup={mixup!r}; wanted 0 (none) or a number above it, e.g. 0.2")
    return Changed(mixup, specaugment) if mixup or specaugment else None


def mixed(embeddings: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Each embedding and its target as a mean of two of the batch; the weights come from Beta(alpha, alpha)."""
    share = torch.distributions.Beta(alpha, alpha).sample((len(embeddings),))
    other = torch.randperm(len(embeddings))
    by_window = share.reshape(-1, *[1] * (embeddings.ndim - 1))
    by_target = share[:, None]
    return by_window * embeddings + (1 - by_window) * embeddings[other], by_target * targets + (
        1 - by_target
    ) * targets[other]


def masked(embeddings: Tensor) -> Tensor:
    """Patches (b, …, times, bands) with stretches of times and of bands set to the patch's mean."""
    if embeddings.ndim < 3:
        raise RecipeError(
            f"specaugment=True: found embeddings of shape {tuple(embeddings.shape[1:])}; wanted images (times, bands)"
        )
    hidden = torch.zeros((len(embeddings), *embeddings.shape[-2:]), dtype=torch.bool)
    for axis in (1, 2):
        size = hidden.shape[axis]
        place = torch.arange(size)
        for _ in range(MASKS):
            length = torch.rand(len(embeddings), 1) * PART * size
            start = torch.rand(len(embeddings), 1) * (size - length)
            hidden |= ((place >= start) & (place < start + length)).unsqueeze(3 - axis)
    hidden = hidden.reshape(len(embeddings), *[1] * (embeddings.ndim - 3), *embeddings.shape[-2:])
    return torch.where(hidden, embeddings.mean(tuple(range(1, embeddings.ndim)), keepdim=True), embeddings)

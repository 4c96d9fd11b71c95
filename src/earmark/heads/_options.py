"""How a net is trained: one object for every head that is trained by gradient descent."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

_Head = TypeVar("_Head")


@dataclass(frozen=True)
class TrainingOptions:
    """How a net is trained (``NetHead``), and how its batches are changed (``_augment``)."""

    lr: float = 1e-3
    """Learning rate of Adam."""
    epochs: int = 100
    """At most; all of them are run where nothing can be held out."""
    batch: int = 32
    """Embeddings in one step."""
    patience: int = 10
    """Epochs without a lower loss on what is held out, after which training ends."""
    spare: float = 0.15
    """Share that is held out, by whole groups, to stop by; 0: nothing."""
    refit: bool = False
    """Learn again from all, for as many epochs as were best; what was held out is learnt from too."""
    weight_decay: float = 0.0
    smoothing: float = 0.0
    """Of labels: this share of each target is spread over all classes."""
    mixup: float = 0.0
    """Alpha of mixup's Beta distribution; 0: none."""
    specaugment: bool = False
    """Whether bands and times are masked."""
    balanced: bool = True
    """Whether embeddings count as ``_inner.weights`` says."""
    most: int | None = None
    """Embeddings that an epoch sees at most, drawn anew for each; None: all."""
    bfloat16: bool = False
    """Multiply in half the bits (faster where the processor has AMX or the like); weights stay float32."""
    device: str = "cpu"
    seed: int = 0


USUAL = tuple(f.name for f in fields(TrainingOptions) if f.name not in ("refit", "most", "device"))
"""What most heads let recipes set."""


def trained(
    defaults: TrainingOptions, names: tuple[str, ...] = USUAL
) -> Callable[[Callable[..., _Head]], Callable[..., _Head]]:
    """A head's ``build(*, …, training)`` as one that takes those ``names`` one by one, with ``defaults`` of its own.

    So recipes say ``cnn(lr=1e-3)``, ``plugins.parameters`` lists them, and the head hands one object down::

        @trained(TrainingOptions(lr=1e-4, epochs=30))
        def build(*, hidden: int = 64, training: TrainingOptions) -> NetHead: ...
    """

    def around(build: Callable[..., _Head]) -> Callable[..., _Head]:
        @functools.wraps(build)
        def built(**params: Any) -> _Head:
            chosen = {name: params.pop(name) for name in names if name in params}
            return build(**params, training=replace(defaults, **chosen))

        signature = inspect.signature(build)
        own = [p for p in signature.parameters.values() if p.name != "training"]
        more = [
            inspect.Parameter(
                f.name, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, f.name), annotation=f.type
            )
            for f in fields(TrainingOptions)
            if f.name in names
        ]
        built.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        return built

    return around

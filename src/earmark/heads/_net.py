"""A torch net as a head: one class for every head that is trained by gradient descent.

A new one is a function that makes the module and a ``build()`` that hands it over::

    def module(embeddings, classes):                  # the embeddings learnt from (n, *shape), how many classes
        return nn.Sequential(Standardise(embeddings), nn.Flatten(), nn.Linear(embeddings[0].size, classes))

    @trained(TrainingOptions(lr=1e-4))
    def build(*, training):
        return NetHead(module, training)

Modules take embeddings (n, *shape) and give logits (n, classes). A module that starts from pretrained weights loads them
in that function; ``lr_factors={"body.": 0.1, "body.0.": 0}`` then trains some parts slower or not at all, and
``KeepStatistics`` leaves batch norm as it was pretrained. ``start`` may set the net by the labelled embeddings before it is
trained. ``augment`` sees every training batch (mixup, SpecAugment).
The training loop is skorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, PassthroughScoring
from skorch.helper import predefined_split
from torch import Tensor, nn

from ..core import interrupts
from ..core.errors import DataError, RecipeError
from . import _heap
from ._head import Head
from ._inner import Codes, Floats, Split, holdout, weights
from ._options import TrainingOptions

Module = Callable[[Floats, int], nn.Module]
Augment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Start = Callable[[nn.Module, Floats, Codes, Floats], None]


_USUAL = TrainingOptions()
_BETTER = 1e-4  # nats: a loss that falls by less is no better, or embeddings that are told apart perfectly are learnt for ever


class NetHead(Head):
    """A net trained with Adam and cross-entropy, stopped early, the best epoch's weights kept.

    ``module``: embeddings learnt from, number of classes -> torch module that gives logits.
    ``training``: how; what it says of mixup and masks is for whoever makes ``augment``. Training ends when ``patience``
    epochs brought no lower loss on what is held out.
    ``lr_factors``: start of parameters' names -> factor on ``lr``; the longest start that fits counts; 0 freezes.
    ``start``: (net, embeddings (n, *shape), codes (n,), what each counts (n,)) of what is learnt from; called once, before training. What it makes
    is kept if no epoch gives a lower loss on the embeddings held out.
    ``augment``: (embeddings (b, *shape), targets (b, classes)) -> the same, changed; draws from torch's
    generator. Targets carry what a window counts: each sums to it.
    """

    def __init__(
        self,
        module: Module,
        training: TrainingOptions = _USUAL,
        *,
        lr_factors: Mapping[str, float] | None = None,
        start: Start | None = None,
        augment: Augment | None = None,
    ) -> None:
        self.module = module
        self.training = training
        self.lr_factors = lr_factors
        self.start = start
        self.augment = augment

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        watch: tuple[ArrayLike, ArrayLike] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> NetHead:
        """Fit on embeddings X (n, *shape) with labels y (n,). Raises DataError, RecipeError if the training diverges.

        ``history_`` keeps train_loss, train_accuracy, valid_loss, valid_accuracy of every epoch (the last two are
        empty where nothing was held out), ``splits_`` the inner split. ``watch``: embeddings and labels for these last two
        where nothing is held out (``spare=0``); they decide nothing.
        """
        given = self.known(X, y, groups, sample_weight)
        embeddings, codes, ids = given.embeddings, given.codes, given.groups
        learn, look = holdout(codes, ids, self.training.spare, seed=self.training.seed)
        seen = self._watched(watch)
        if seen is not None and len(look):
            raise DataError("embeddings to watch were given to a head that holds out its own; wanted spare=0")
        self.splits_: list[Split] = [(learn, look)] if len(look) else []
        count = np.ones(len(codes), np.float32) if given.weight is None else given.weight
        count = weights(codes, ids, given.weight) if self.training.balanced else count
        # A copy of torch's random state: the same seed gives the same net, and nobody else's numbers change.
        with torch.random.fork_rng(devices=[] if self.training.device == "cpu" else None):
            torch.manual_seed(self.training.seed)
            known = (embeddings[learn], codes[learn], count[learn]) if len(look) else (embeddings, codes, count)
            self.net_ = self.module(known[0], len(self.classes_))
            if self.start:
                self.start(self.net_, *known)
            del known  # big embeddings need not lie there twice
            self.net_.to(self.training.device)
            with _heap.kept():
                self.history_ = self._train(embeddings, codes, count, learn, look, seen)
        if self.training.refit and len(look):
            again = replace(self.training, spare=0, epochs=self.best_epoch_, refit=False)
            params = self.get_params(deep=False) | {"training": again}
            self.net_ = NetHead(**params).fit(embeddings, codes, ids, sample_weight=given.weight).net_
        self.net_.eval()
        return self

    def _watched(self, watch: tuple[ArrayLike, ArrayLike] | None) -> Examples | None:
        if watch is None:
            return None
        labels = np.asarray(watch[1])
        new = sorted(set(labels.tolist()) - set(self.classes_.tolist()))
        if new:
            raise DataError(
                f"the embeddings to watch are of classes that are not learnt: {', '.join(map(str, new[:5]))}"
            )
        targets = np.eye(len(self.classes_), dtype=np.float32)[np.searchsorted(self.classes_, labels)]
        embeddings = torch.from_numpy(np.array(self.like(watch[0])))
        return Examples(embeddings, torch.from_numpy(targets), np.arange(len(labels)))

    def _train(
        self, embeddings: Floats, codes: Codes, count: Floats, learn: Any, look: Any, seen: Examples | None
    ) -> dict[str, list[float]]:
        k, how = len(self.classes_), self.training
        x = torch.from_numpy(embeddings if embeddings.flags.writeable else embeddings.copy())
        # What a window counts goes into its target: cross-entropy is linear in it.
        target = np.eye(k, dtype=np.float32)[codes] * (1 - how.smoothing) + how.smoothing / k
        targets = torch.from_numpy(np.asarray(target * count[:, None], np.float32))
        stopper = EarlyStopping(
            "valid_loss",
            patience=how.patience,
            threshold=_BETTER,
            threshold_mode="abs",
            load_best=True,
            sink=_silent,
        )
        callbacks: list[tuple[str, Callback]] = [
            ("hits", _Hits()),
            ("train_accuracy", PassthroughScoring("train_accuracy", on_train=True, lower_is_better=False)),
        ]
        if len(look):
            seen = Examples(x, targets, look)
            callbacks.append(("stop", stopper))
        if seen is not None:
            callbacks.insert(2, ("valid_accuracy", PassthroughScoring("valid_accuracy", lower_is_better=False)))
        loop = self._loop(seen, callbacks)
        loop.initialize()
        loop.notify("on_train_begin", X=None, y=None)
        if self.start and seen is not None and len(look):  # the start is an epoch too: training may make nothing better
            stopper.dynamic_threshold_ = loop.loss_of(seen)
            stopper.best_model_weights_ = deepcopy(self.net_.state_dict())
        try:
            loop.fit_loop(Examples(x, targets, learn), epochs=how.epochs)
        except KeyboardInterrupt:  # also how skorch's callbacks stop; the user's own must pass
            if not len(look) or stopper.misses_ < how.patience or interrupts.asked():
                raise
        loop.notify("on_train_end", X=None, y=None)
        self.best_epoch_ = stopper.best_epoch_ if len(look) else how.epochs
        if not all(bool(torch.isfinite(p).all()) for p in self.net_.parameters()):
            raise RecipeError(f"the training diverged with lr={how.lr}; take a smaller one, e.g. lr={how.lr / 10:g}")
        names = ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy")
        return {n: [float(e[n]) for e in loop.history if n in e] for n in names}

    def _loop(self, seen: Examples | None, callbacks: list[tuple[str, Callback]]) -> _Loop:
        """skorch's loop around the net; ``seen`` is looked at after each epoch."""
        how = self.training
        return _Loop(
            self.net_,
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            optimizer__param_groups=self._groups(),
            optimizer__weight_decay=how.weight_decay,
            optimizer__fused=True,
            lr=how.lr,
            batch_size=how.batch,
            iterator_train=Batches,
            iterator_train__augment=self.augment,
            iterator_train__shuffle=True,
            iterator_train__most=how.most,
            iterator_valid=Batches,
            iterator_valid__batch_size=batch_of(self.shape_),
            train_split=predefined_split(seen) if seen is not None else None,
            callbacks=callbacks,
            callbacks__print_log=None,
            bfloat16=how.bfloat16,
            device=how.device,
            verbose=0,
        )

    def _groups(self) -> list[tuple[str, dict[str, float]]]:
        """Parameters by name with their learning rates, for skorch; freezes what has the factor 0."""
        factors = self.lr_factors or {}
        groups = []
        unused = set(factors)
        for name, parameter in self.net_.named_parameters():
            start = max((s for s in factors if name.startswith(s)), key=len, default=None)
            if start is None:
                continue
            unused.discard(start)
            parameter.requires_grad_(factors[start] > 0)
            groups.append((name, {"lr": self.training.lr * factors[start]}))
        if unused:
            raise RecipeError(f"lr_factors names {sorted(unused)}, with which no parameter of the net starts")
        return groups

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probabilities (n, classes) float32 in the order of ``classes_``."""
        embeddings = torch.from_numpy(np.array(self.like(X)))
        with torch.inference_mode():
            batches = torch.split(embeddings, batch_of(self.shape_))
            parts = [self.net_(x.to(self.training.device)).softmax(1).cpu() for x in batches]
        return np.asarray(
            torch.cat(parts).numpy() if len(embeddings) else np.zeros((0, len(self.classes_)), np.float32)
        )

    def onnx(self) -> Any:
        """The fitted head as an ONNX model; see ``_export``."""
        from ._export import from_torch

        return from_torch(self.net_, self.shape_)


def batch_of(shape: tuple[int, ...]) -> int:
    """How many embeddings of a shape are run through a net at once: big ones fill the memory with what is made of them."""
    return max(1, min(256, 2**20 // max(1, prod(shape))))


class Standardise(nn.Module):
    """Values to mean 0 and variance 1, by figures learnt from ``windows`` and stored in the net.

    ``over``: axes that share a figure; (0,): one for each value of a window, (0, 1): one for each band of an image
    (frames, bands). ``limit`` cuts off as ``_scale.Scaler`` does.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, embeddings: Floats, over: tuple[int, ...] = (0,), limit: float = 3.0) -> None:
        super().__init__()
        mean = embeddings.mean(axis=over, keepdims=True, dtype=np.float64)[0]
        deviation = np.sqrt(
            np.maximum(np.square(embeddings).mean(axis=over, keepdims=True, dtype=np.float64)[0] - mean**2, 0)
        )
        constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("deviation", torch.from_numpy(np.where(constant, 1, deviation).astype(np.float32)))
        self.limit = limit

    def forward(self, embeddings: Tensor) -> Tensor:
        scaled: Tensor = (embeddings - self.mean) / self.deviation
        return scaled.clamp(-self.limit, self.limit)


class KeepStatistics(nn.Sequential):
    """Layers whose batch norms keep the means and variances they came with, also while they are trained.

    A few hundred clips would move them further than they can say anything about.
    """

    def train(self, mode: bool = True) -> KeepStatistics:
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self


class Examples(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Some embeddings of a whole data set that lies in memory, with their targets (n, classes)."""

    def __init__(self, x: Tensor, targets: Tensor, index: NDArray[np.intp]) -> None:
        self.x = x
        self.targets = targets
        self.index = torch.from_numpy(index)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, at: Any) -> tuple[Tensor, Tensor]:
        take = self.index[at]
        return self.x[take], self.targets[take]


class Batches:
    """Batches taken by index, with no work per window: on small nets a DataLoader costs more than the training."""

    def __init__(
        self,
        dataset: Examples,
        *,
        batch_size: int,
        shuffle: bool = False,
        augment: Augment | None = None,
        most: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.most = most

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        n = len(self.dataset)
        order = torch.randperm(n) if self.shuffle else torch.arange(n)
        for take in torch.split(order[: self.most], self.batch_size):
            embeddings, targets = self.dataset[take]
            yield self.augment(embeddings, targets) if self.augment else (embeddings, targets)


class _Loop(NeuralNet):  # type: ignore[misc]
    """skorch's loop, with products in bfloat16 if asked for."""

    def __init__(self, *args: Any, bfloat16: bool = False, **kwargs: Any) -> None:
        self.bfloat16 = bfloat16
        super().__init__(*args, **kwargs)

    def infer(self, x: Tensor, **fit_params: Any) -> Tensor:
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bfloat16):
            logits: Tensor = super().infer(x, **fit_params)
        return logits.float()

    def loss_of(self, embeddings: Examples) -> float:
        """Mean loss of embeddings as the net is now."""
        parts = [(len(b[0]), float(self.validation_step(b)["loss"])) for b in self.get_iterator(embeddings)]
        return sum(n * loss for n, loss in parts) / len(embeddings)


class _Hits(Callback):  # type: ignore[misc]
    """Keeps the share of right answers of each batch."""

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, y_pred: Any = None, **_: Any) -> None:
        right = y_pred.argmax(1).cpu() == batch[1].argmax(1)
        net.history.record_batch(f"{'train' if training else 'valid'}_accuracy", float(right.float().mean()))


def _silent(*_: Any, **__: Any) -> None:
    """What early stopping has to say is in the curves."""

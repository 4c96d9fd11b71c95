"""From a torch net to ONNX that onnxruntime runs fast: batch norm folded away, the batch axis free."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from earmark.core.errors import MissingExtraError, WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn


def to_onnx(net: nn.Sequential, inputs: Sequence[int], outputs: Sequence[str]) -> bytes:
    """``net`` up to the last of the blocks ``outputs``, with the output of each of them under the block's name.

    ``inputs`` is the shape of one row. Input "rows" (n, *inputs) float32, outputs (n, …) float32.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
        import torch
        from torch import nn
    except ModuleNotFoundError as error:
        raise MissingExtraError("making an ONNX net", "train") from error
    names = [name for name, _ in net.named_children()]
    if wrong := [name for name in outputs if name not in names]:
        raise WeightsError(f"the net has no block {wrong[0]!r}. It has: {', '.join(names)}")

    class Cut(nn.Module):
        """The line of blocks, with what comes out of some of them."""

        def __init__(self) -> None:
            super().__init__()
            last = max(names.index(name) for name in outputs)
            self.line = fold(nn.Sequential(OrderedDict(list(net.named_children())[: last + 1])))

        def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
            found = {}
            for name, block in self.line.named_children():
                rows = block(rows)
                found[name] = rows
            return tuple(found[name] for name in outputs)

    file = io.BytesIO()
    example = torch.zeros(2, *inputs)
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # about the exporter itself; what it made is held to the net by tests
        program = torch.onnx.export(
            Cut().eval(),
            (example,),
            input_names=["rows"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            optimize=True,
            verbose=False,
        )
        if program is None:
            raise WeightsError("torch.onnx.export made nothing")
        onnx.save(without_traces(program.model_proto), file)
    return file.getvalue()


def without_traces(model: Any) -> Any:
    """``model`` (a ModelProto, which is changed) without what says where and by whom it was made.

    The exporter writes the lines of code behind each node, with the folders of this machine: a net would tell them to whoever
    gets it, and have another hash wherever Earmark lies elsewhere.
    """
    graph = model.graph
    described = [graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for one in (model, *described, *model.functions, *(n for f in model.functions for n in f.node)):
        one.ClearField("doc_string")
        one.ClearField("metadata_props")
    model.ClearField("producer_version")
    return model


def fold(net: nn.Sequential) -> nn.Sequential:
    """A copy of ``net`` in eval mode with each batch norm that follows a convolution merged into it."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    def inside(part: nn.Module) -> None:
        if isinstance(part, nn.Sequential):
            for at in range(len(part) - 1):
                first, second = part[at], part[at + 1]
                if isinstance(first, nn.Conv1d | nn.Conv2d) and isinstance(second, nn.BatchNorm1d | nn.BatchNorm2d):
                    part[at], part[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
        for child in part.children():
            inside(child)

    folded = copy.deepcopy(net).eval()
    inside(folded)
    return folded


def shapes_of(net: nn.Sequential, inputs: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Shape of one row after each block of ``net``."""
    import torch

    shapes = {}
    with torch.inference_mode():
        rows = torch.zeros(2, *inputs)
        for name, block in net.named_children():
            rows = block(rows)
            shapes[name] = tuple(rows.shape[1:])
    return shapes


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own log lines out of the user's terminal."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)

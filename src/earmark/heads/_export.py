"""Fitted heads as ONNX: the only way a head is saved, so that a bundle holds no pickle.

Input ``rows`` float32 (n, *shape), output ``proba`` float32 (n, classes) in the order of ``classes_``; operators of
``ai.onnx`` and ``ai.onnx.ml`` only. Sums over many columns are done in float64, as scikit-learn does them:
in float32 the probabilities of a discriminant on a thousand columns would be off by 1e-4.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ..core.errors import BundleError

OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 8  # readable by onnxruntime 1.14 and later


def to_onnx(head: Any, shape: tuple[int, ...]) -> bytes:
    """A fitted head on rows of ``shape`` as a serialised ONNX model.

    Raises BundleError when the head is not fitted, learnt from rows of another shape, or cannot be written.
    """
    if not hasattr(head, "classes_"):
        raise BundleError("found a head that is not fitted; call fit() before saving it")
    if tuple(head.shape_) != tuple(shape):
        raise BundleError(f"found a head that learnt from rows of shape {head.shape_}; wanted one for {tuple(shape)}")
    model: onnx.ModelProto = head.onnx()
    foreign = {node.domain for node in model.graph.node} - {"", *OPSETS}
    if foreign:
        raise BundleError(f"the head needs operators of {sorted(foreign)}; only standard ONNX can be saved")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class Graph:
    """An ONNX graph written like numpy: ``graph("Div", graph("Sub", x, mean), scale)``; arrays become constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __call__(self, operator: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
        """Add a node; returns the name of its (first) output."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        return self.node(operator, names, 1, **attributes)[0]

    def node(self, operator: str, inputs: list[str], outputs: int, **attributes: Any) -> list[str]:
        """Add a node with several outputs; returns their names."""
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def constant(self, value: ArrayLike) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def double(self, x: str) -> str:
        return self("Cast", x, to=TensorProto.DOUBLE)

    def scores(self, x: str, coef: NDArray[Any], intercept: NDArray[Any]) -> str:
        """``x @ coef.T + intercept`` in float64."""
        weights = np.ascontiguousarray(coef.T, dtype=np.float64)
        return self("Add", self("MatMul", self.double(x), weights), intercept.astype(np.float64))

    def draw(self, step: Any, x: str, *, scores: bool = False) -> str:
        """Add a fitted estimator; returns the name of what it makes of ``x``: probabilities or, if asked, scores.

        It draws itself if it has ``onnx(graph, x) -> name``; linear ones are drawn here in float64; whatever else
        there is in scikit-learn is left to skl2onnx.
        """
        if isinstance(step, Pipeline):
            for _, part in step.steps[:-1]:
                x = self.draw(part, x)
            return self.draw(step.steps[-1][1], x, scores=scores)
        if hasattr(step, "onnx"):
            return str(step.onnx(self, x))
        if isinstance(step, LogisticRegression):
            drawn = _logistic(self, x, step)
            return drawn if scores else self("Softmax", drawn, axis=1)
        if scores and isinstance(step, LinearClassifierMixin):
            return self.scores(x, *_for_each_class(step))
        if isinstance(step, PCA):
            return _pca(self, x, step)
        if isinstance(step, StandardScaler):
            return _scaled(self, x, step)
        drawn = _by_skl2onnx(self, x, step, scores=scores)
        return self.double(drawn) if scores else drawn

    def model(self, proba: str, shape: tuple[int, ...], classes: int) -> onnx.ModelProto:
        """The finished model: ``rows`` (n, *shape) -> ``proba`` (n, classes)."""
        self.nodes.append(helper.make_node("Cast", [proba], ["proba"], to=TensorProto.FLOAT))
        rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", *shape])
        out = helper.make_tensor_value_info("proba", TensorProto.FLOAT, ["n", classes])
        graph = helper.make_graph(self.nodes, "head", [rows], [out], self.constants)
        imports = [helper.make_opsetid(d, v) for d, v in OPSETS.items()]
        return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="earmark")


def from_sklearn(fitted: Any, shape: tuple[int, ...]) -> onnx.ModelProto:
    """A fitted classifier or pipeline on flattened rows."""
    graph = Graph()
    x = graph("Flatten", "rows", axis=1)
    return graph.model(graph.draw(fitted, x), shape, len(fitted.classes_))


def from_torch(net: Any, shape: tuple[int, ...]) -> onnx.ModelProto:
    """A torch net that gives logits (n, classes); the softmax is added."""
    import copy
    from collections import OrderedDict

    from torch import nn

    from ..backbones.weights.export import to_onnx as export

    line = nn.Sequential(OrderedDict(net=copy.deepcopy(net).cpu(), proba=nn.Softmax(1)))
    return onnx.load_from_string(export(line, shape, ["proba"]))


def _logistic(graph: Graph, x: str, step: LogisticRegression) -> str:
    return graph.scores(x, *_for_each_class(step))


def _for_each_class(step: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Coefficients and intercepts; of two classes the second's lead stands beside 0, as a sigmoid is a softmax beside 0."""
    coef = np.atleast_2d(step.coef_)
    intercept = np.broadcast_to(step.intercept_, len(coef))
    if len(coef) == 1:
        coef, intercept = np.vstack([np.zeros_like(coef), coef]), np.append(0.0, intercept)
    return coef, intercept


def _scaled(graph: Graph, x: str, step: StandardScaler) -> str:
    """As scikit-learn does it on float32, rounding in between: what follows may be a tree, whose answer turns at a hair."""
    for operator, value in (("Sub", step.mean_ if step.with_mean else None), ("Div", step.scale_)):
        if value is not None:
            x = graph("Cast", graph(operator, graph.double(x), value.astype(np.float64)), to=TensorProto.FLOAT)
    return x


def _pca(graph: Graph, x: str, step: PCA) -> str:
    centred = graph("Sub", graph.double(x), step.mean_.astype(np.float64))
    scale = np.sqrt(step.explained_variance_) if step.whiten else 1.0
    return graph("MatMul", centred, np.ascontiguousarray((step.components_ / np.reshape(scale, (-1, 1))).T, np.float64))


def _by_skl2onnx(graph: Graph, x: str, step: Any, *, scores: bool = False) -> str:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    options: dict[str, bool] | None = {"zipmap": False} if hasattr(step, "predict_proba") or scores else None
    if options and scores:
        options["raw_scores"] = True
    what = f"{'the scores of ' * scores}a {type(step).__name__}"
    try:
        with warnings.catch_warnings():  # of names that scikit-learn is giving up, which skl2onnx still asks for
            warnings.simplefilter("ignore")
            part = convert_sklearn(
                step,
                initial_types=[("x", FloatTensorType([None, step.n_features_in_]))],
                options={id(step): options} if options else None,
                target_opset=OPSETS,
            )
    except Exception as error:  # a converter fails by whatever it meets in a class that it does not know
        raise BundleError(
            f"{what} cannot be saved: skl2onnx says {' '.join(str(error).split())[:200]!r}. Give it a method "
            "onnx(graph, x) that draws it, or take another head"
        ) from error
    part = onnx.compose.add_prefix(part, f"s{len(graph.nodes)}_")
    single = graph("Cast", x, to=TensorProto.FLOAT)
    for node in part.graph.node:
        node.input[:] = [single if i == part.graph.input[0].name else i for i in node.input]
    graph.nodes.extend(part.graph.node)
    graph.constants.extend(part.graph.initializer)
    return str(part.graph.output[-1].name)  # of a classifier: labels, probabilities

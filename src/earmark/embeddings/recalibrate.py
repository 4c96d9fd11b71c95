"""A backbone's net in 8 bits, calibrated on the user's own sounds (see ``weights.int8``)."""

from __future__ import annotations

from ..backbones import runtimes
from ..backbones._patches import PATCHES
from ..backbones.quantize import int8
from ..backbones.weights.store import require
from ..core import plugins
from ..core.errors import RecipeError
from ..core.spec import Part
from ..data.cache import Cache
from .make import embed

MOST = 1024  # embeddings that are calibrated on


def recalibrate(part: Part, data: str, *, cache: Cache | None = None) -> int8.Kept:
    """Make the net of ``part`` in 8 bits anew, calibrated on the sounds of ``data`` instead of made-up ones.

    Takes up to ``MOST`` inputs of the net, evenly spread over the sounds; they are cached like embeddings. Raises RecipeError,
    DataError, WeightsError where 8 bits are not offered or not good enough on these sounds.
    """
    runtimes.check("int8")
    if not {"precision", "at"} <= plugins.parameters("backbones", part.name).keys():
        raise RecipeError(f"the backbone {part.name!r} has no net in 8 bits")
    given = {k: v for k, v in part.kwargs.items() if k != "precision"}
    inputs = plugins.build("backbones", part.name, **given | {"at": PATCHES, "precision": "int8"})
    whole = plugins.build("backbones", part.name, **given)
    embeddings = embed(data, inputs, cache=cache).X
    embeddings = embeddings[:: max(1, len(embeddings) // MOST)]
    return int8.installed(require(whole.weights), whole.facts["at"], lambda: embeddings, data, again=True)

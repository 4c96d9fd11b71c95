"""What is known of weights before they are there: pure data, declared beside each backbone as ``WEIGHTS``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from earmark.core import plugins
from earmark.core.errors import MissingExtraError, WeightsError


@dataclass(frozen=True)
class File:
    """One file that a conversion reads."""

    name: str  # under which convert() finds it
    sha256: str | None = None  # None: no published hash; the hash found is written to weights.json
    member: str | None = None  # end of its path inside a package or archive; None: its name
    url: str | None = None  # where it can be downloaded by itself
    optional: bool = False  # convert() does without

    @property
    def path(self) -> str:
        """End of its path inside an archive or folder."""
        return self.member or self.name


@dataclass(frozen=True)
class Package:
    """A pinned wheel or sdist of the Python package index: taken by pip, read, thrown away; never installed."""

    requirement: str  # "musicnn==0.1.0"
    sha256: str
    wheel: bool = True  # False: a source distribution


@dataclass(frozen=True)
class Form:
    """One shape in which weights are to be had: files that belong together, and the function that reads them."""

    files: tuple[File, ...]
    package: Package | None = None
    convert: str = "convert"  # function of the net's file

    @property
    def fetchable(self) -> bool:
        """True if all needed files can be downloaded; else a user has to bring them."""
        return self.package is not None or all(f.url for f in self.files if not f.optional)


@dataclass(frozen=True)
class WeightSet:
    """Weights of one net, trained on one thing."""

    name: str
    net: str  # file in nets/; of another package the whole name of the module, with a dot in it
    inputs: tuple[int, ...]  # shape of one embedding of input
    outputs: tuple[str, ...]  # blocks whose outputs net.onnx has
    licence: str
    trained_on: str
    homepage: str
    forms: tuple[Form, ...]
    options: Mapping[str, Any] = field(default_factory=dict)  # for module() and convert() of the net's file
    facts: Mapping[str, Any] = field(default_factory=dict)  # more for weights.json

    @property
    def how(self) -> str:
        """How a user gets them, in one or two sentences."""
        by_hand = [form for form in self.forms if not form.fetchable]
        files = " or ".join(
            " + ".join(f.name for f in form.files if not f.optional) for form in self.forms if not form.package
        )
        ways = [f"earmark weights fetch {self.name}"] if len(by_hand) < len(self.forms) else []
        if by_hand:
            ways.append(f"earmark weights add {self.name} FILE (FILE: {files}, from {self.homepage})")
        return "; or ".join(ways)


@cache
def _declared() -> Mapping[str, tuple[WeightSet, ...]]:
    """Weight sets by backbone; a backbone whose packages are missing has none to offer.

    Those of other packages come last: a name that is taken they do not get.
    """
    found: dict[str, tuple[WeightSet, ...]] = {}
    here = plugins.shipped("backbones")
    for part in (*here, *(name for name in plugins.names("backbones") if name not in here)):
        try:
            sets = getattr(plugins.module("backbones", part), "WEIGHTS", ())
        except MissingExtraError:
            continue
        taken = {one.name for others in found.values() for one in others}
        sets = sets if isinstance(sets, (list, tuple)) else [sets]
        found[part] = tuple(one for one in sets if isinstance(one, WeightSet) and one.name not in taken)
    return found


@cache
def known() -> Mapping[str, WeightSet]:
    """All weights that Earmark knows of, by name, sorted."""
    sets = [one for part in _declared().values() for one in part]
    return {one.name: one for one in sorted(sets, key=lambda s: s.name)}


def named(name: str) -> tuple[str, ...]:
    """Weights meant by ``name``: a set ("musicnn-mtt") or all sets of a backbone ("musicnn").

    Raises WeightsError when there are none of that name.
    """
    if name in known():
        return (name,)
    if sets := _declared().get(name):
        return tuple(one.name for one in sets)
    near = difflib.get_close_matches(name, [*known(), *(part for part, has in _declared().items() if has)], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise WeightsError(f"no weights are called {name!r}.{hint} There are: {', '.join(known())}")

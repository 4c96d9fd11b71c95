"""A head that a program gives: a classifier of scikit-learn, beside the heads that have names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..core import plugins
from ..core.errors import RecipeError
from ..core.spec import Part, _part

_CALLED = re.compile(r"[A-Z]\w*\(.*\)")  # names of heads begin with a small letter
POOLS = ("windows", "mean", "mean+std")  # what `tune` searches where the head is given


@dataclass(frozen=True)
class Given(Part):
    """A classifier, called by its short repr; read from a report it is its name alone, and cannot be fitted."""

    estimator: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def by(cls, estimator: Any) -> Given:
        """The head of a classifier. Raises RecipeError for what is none."""
        from ..heads import _given

        _given.check(estimator)
        return cls(_given.shown(estimator), estimator=estimator)

    def check(self) -> None:
        """Raise RecipeError if only its name is known."""
        if self.estimator is None:
            raise RecipeError(
                f"{self.name} is a classifier that a program gave, of which only the name is known here. Give it again in "
                f"Python: earmark.Recipe(BACKBONE, {self.name.partition('(')[0]}(…))"
            )

    def build(self, seed: int) -> Any:
        """The head, not fitted. Raises RecipeError."""
        from ..heads import _given

        self.check()
        return _given.head(self.estimator, seed=seed)


def head_of(text: str, whole: str) -> Part:
    """A head as a recipe says it: by name with parameters, or the name of one that was given. Raises RecipeError."""
    return Given(text) if _CALLED.fullmatch(text) else _part(text, whole)


def parameters(head: Part) -> dict[str, Any]:
    """The parameters that a head takes, with their defaults. Raises RecipeError."""
    return {} if isinstance(head, Given) else plugins.parameters("heads", head.name)


def space(head: Part) -> dict[str, Any]:
    """What `tune` searches of a head. Raises RecipeError."""
    if isinstance(head, Given):
        return {"pool": list(POOLS)}
    return dict(getattr(plugins.module("heads", head.name), "SPACE", {}))


def check(head: Part) -> None:
    """Raise RecipeError if there is no such head, or if it does not take its parameters."""
    if isinstance(head, Given):
        head.check()
    else:
        plugins.check("heads", head.name, head.kwargs)

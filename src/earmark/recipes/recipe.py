"""A recipe: which parts a classifier is made of. The protocol is not in it: it belongs to the evaluation.

Short form, which is also how recipes are printed::

    yamnet/logreg                          one backbone, a head on its embeddings
    yamnet:mean/svm(C=10)                  embeddings of a clip pooled to one vector before the head
    vggish:image(31)/cnn2d                 embeddings of a clip as images of 31 embeddings
    logmel(seconds=4, overlap=0.5)/cnn     parts with parameters
    musicnn-vgg@pool3/finetune             the net cut at a layer: embeddings of the part before it
    yamnet+musicnn:mean/lda                clip vectors of two backbones joined
    yamnet/logreg,musicnn/svm              clip scores of two branches averaged
    stack(yamnet/logreg,musicnn/svm)       … or weighed by a small model learnt inside the training side
    yamnet/logreg~pitch~noise(snr=20)      augmented copies on the training side

The same as a TOML file: ``title``, ``about`` and either ``recipe = "<short form>"`` or ``[[branch]]`` tables.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, overload

import tomli_w

from ..core import plugins
from ..core.errors import RecipeError
from ..core.renderers import Columns, Shown, shortened
from ..core.spec import Part, _cut, _part, _part_of, _split
from ..data.clips import writable
from ..embeddings.pooling import WINDOWS, Pooling
from .augment import checked
from .given import Given, check, head_of


@dataclass(frozen=True)
class Branch:
    """One way from sound to scores: backbone(s) → embeddings → pool → head."""

    backbones: tuple[Part, ...]
    head: Part
    pool: Pooling = (
        WINDOWS  # the head sees embeddings; "mean+std": statistics per clip; "image(31)": embeddings as images
    )

    def __str__(self) -> str:
        pooling = "" if self.pool == ("mean" if len(self.backbones) > 1 else "windows") else f":{self.pool}"
        return "+".join(map(str, self.backbones)) + pooling + "/" + str(self.head)


@dataclass(frozen=True, init=False, repr=False)
class Recipe(Shown):
    """Branches whose clip scores are combined (``"mean"`` or ``"stack"``), and augmentations of the training side.

    A recipe in text is read; backbone and head may be given apart, the head as any classifier of scikit-learn. It is
    copied for each fold, and random states that it does not set are those of the run.

    >>> Recipe("yamnet/logreg") == Recipe("yamnet", "logreg") == Recipe.parse("yamnet/logreg")
    True
    >>> from sklearn.linear_model import LogisticRegression
    >>> Recipe("yamnet:mean", LogisticRegression(C=0.1)).name
    'yamnet:mean/LogisticRegression(C=0.1)'
    """

    branches: tuple[Branch, ...]
    combine: str = "mean"
    augment: tuple[Part, ...] = ()
    title: str = ""
    about: str = ""

    @overload
    def __init__(
        self, branches: str, head: Any = None, /, *, augment: Sequence[Part] = (), title: str = "", about: str = ""
    ) -> None: ...

    @overload
    def __init__(
        self,
        branches: tuple[Branch, ...],
        combine: str = "mean",
        augment: Sequence[Part] = (),
        title: str = "",
        about: str = "",
    ) -> None: ...

    def __init__(
        self,
        branches: str | tuple[Branch, ...],
        combine: Any = None,
        augment: Sequence[Part] = (),
        title: str = "",
        about: str = "",
    ) -> None:
        if isinstance(branches, str):
            read = _apart(branches, combine)
            branches, combine, augment = read.branches, read.combine, (*read.augment, *augment)
        values = (branches, combine or "mean", tuple(augment), title, about)
        for one, value in zip(fields(self), values, strict=True):
            object.__setattr__(self, one.name, value)

    @property
    def name(self) -> str:
        """The title of a recipe file, else the short form."""
        return self.title or self.short

    @property
    def short(self) -> str:
        """The short form; ``Recipe.parse`` reads it back."""
        inside = ",".join(map(str, self.branches))
        stacked = f"stack({inside})" if self.combine == "stack" else inside
        return stacked + "".join(f"~{a}" for a in self.augment)

    def _line(self) -> str:
        return f"{shortened(self.short, 120)!r}" + (f", {shortened(self.title)!r}" if self.title else "")

    def _columns(self) -> Columns:
        """A line a branch."""
        return {
            "backbones": ["+".join(map(str, b.backbones)) for b in self.branches],
            "pool": [str(b.pool) for b in self.branches],
            "head": [str(b.head) for b in self.branches],
        }

    @property
    def is_text(self) -> bool:
        """Whether a text can say all of it: no head was given by a program."""
        return not any(isinstance(branch.head, Given) for branch in self.branches)

    @property
    def backbones(self) -> tuple[Part, ...]:
        """Every backbone once, in order of first use."""
        return tuple(dict.fromkeys(b for branch in self.branches for b in branch.backbones))

    def check(self, *, given: Sequence[str] | None = None) -> None:
        """Raise RecipeError for a part, a parameter or a pooling that does not exist: before any sound is read.

        ``given``: names of the embeddings in a file, which then are the only backbones there are.
        """
        for branch in self.branches:
            for part in branch.backbones:
                if given is None:
                    plugins.check("backbones", part.name, part.kwargs)
                elif part.name not in given:
                    raise RecipeError(f"the file has no embeddings called {part.name!r}. It has: {', '.join(given)}")
            check(branch.head)
        if self.augment:
            checked(self.augment)

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Read the short form. Raises RecipeError that says where it cannot be read."""
        body, *augment = _split(text.strip(), "~")
        combine = "mean"
        if body.startswith("stack(") and body.endswith(")"):
            body, combine = body[len("stack(") : -1], "stack"
        branches = tuple(_branch(part, text) for part in _split(body, ","))
        if combine == "stack" and len(branches) < 2:
            raise RecipeError(f"recipe {_cut(text)}: stacking needs two branches or more, found {len(branches)}")
        return cls(branches, combine, tuple(_part(a, text) for a in augment))

    @classmethod
    def from_toml(cls, path: Path) -> Recipe:
        """Read a recipe file. Raises RecipeError."""
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RecipeError(f"{path}: not a readable recipe file ({error})") from error
        title = str(table.pop("title", "")) or writable(path.stem)
        about = str(table.pop("about", ""))
        try:
            if "recipe" in table:
                recipe = cls.parse(str(table.pop("recipe")))
            else:
                branches = tuple(_from_table(b) for b in table.pop("branch"))
                augment = tuple(_part_of(a) for a in table.pop("augment", []))
                recipe = cls(branches, str(table.pop("combine", "mean")), augment)
        except (KeyError, TypeError, AttributeError) as error:
            raise RecipeError(
                f'{path}: found no usable recipe ({error!r}). Wanted: recipe = "yamnet/logreg", or [[branch]] tables '
                "with backbones = [{name = …}], head = {name = …} and optionally pool"
            ) from error
        if table:
            raise RecipeError(
                f"{path}: unknown entries {sorted(table)}. A recipe file has: title, about, recipe | branch, combine, augment"
            )
        return replace(recipe, title=title, about=about)

    def to_toml(self) -> str:
        """The recipe as a file that ``from_toml`` reads back; no title is read as the file's name.

        Raises RecipeError if a head was given by a program, which no file can hold.
        """
        if not self.is_text:
            raise RecipeError(
                f"{self.short}: a file cannot hold a head that was given in Python. Wanted: a head by its name, e.g. logreg"
            )
        about = {key: text for key, text in (("title", self.title), ("about", self.about)) if text}
        return tomli_w.dumps({key: writable(text) for key, text in {**about, "recipe": self.short}.items()})


def find(name: str | Recipe) -> Recipe:
    """A recipe from a Recipe, a file, the name of a shipped recipe, or a short form."""
    if isinstance(name, Recipe):
        return name
    if name.endswith(".toml"):
        return Recipe.from_toml(Path(name))
    if "/" not in name and name in shipped():
        return Recipe.from_toml(shipped()[name])
    return Recipe.parse(name)


def distinct(names: Iterable[str | Recipe]) -> tuple[Recipe, ...]:
    """Recipes found by ``find``, each once; where two have one name, their short forms or numbers tell them apart."""
    found: list[Recipe] = list(dict.fromkeys(find(name) for name in names))
    for how in ("{0.name} ({0.short})", "{0.name} ({1})"):
        counts = Counter(one.name for one in found)
        found = [
            replace(one, title=how.format(one, number)) if counts[one.name] > 1 else one
            for number, one in enumerate(found, start=1)
        ]
    return tuple(found)


def shipped() -> dict[str, Path]:
    """Recipe files that come with Earmark: name -> path."""
    return {p.stem: p for p in sorted((Path(__file__).parent / "shipped").glob("*.toml"))}


def _apart(text: str, head: Any) -> Recipe:
    """The recipe of a text, or of backbones in a text and a head: its name, a Part, or a classifier. Raises RecipeError."""
    if head is None:
        return find(text)
    if isinstance(head, (str, Part)):
        return Recipe.parse(f"{text}/{head}")
    recipe = Recipe.parse(f"{text}/head")
    (branch,) = recipe.branches
    return replace(recipe, branches=(replace(branch, head=Given.by(head)),))


def _branch(text: str, whole: str) -> Branch:
    sides = _split(text, "/")
    if len(sides) != 2 or not all(sides):
        raise RecipeError(
            f"recipe {_cut(whole)}: found {_cut(text)} where backbone/head was wanted, e.g. yamnet/logreg. "
            f"Shipped recipes: {', '.join(shipped()) or 'none'}"
        )
    left, *pooling = _split(sides[0], ":")
    backbones = tuple(_part(b, whole) for b in _split(left, "+"))
    how = pooling[0] if pooling else ("mean" if len(backbones) > 1 else "windows")
    return _checked(Branch(backbones, head_of(sides[1], whole), Pooling(how)))


def _from_table(table: Mapping[str, Any]) -> Branch:
    given = table["backbones"]
    backbones = tuple(_part_of(b) for b in (given if isinstance(given, list) else [given]))
    how = str(table.get("pool", "mean" if len(backbones) > 1 else "windows"))
    return _checked(Branch(backbones, _part_of(table["head"]), Pooling(how)))


def _checked(branch: Branch) -> Branch:
    if len(branch.backbones) > 1 and not branch.pool.by_vector:
        raise RecipeError(
            f"{branch}: joined backbones have embeddings of different lengths; pool them per clip, e.g. :mean"
        )
    return branch

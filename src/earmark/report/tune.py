"""What `earmark study tune` writes: recipe.toml, to be trained, and tune.json with every number."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from ..core.jsonable import plain
from ..core.outputs import TUNED, check
from ..core.publish import publish
from ..embeddings.load import sounds_of
from ..studies.tune import Found, Tuned, chosen


def write(found: Tuned, folder: Path | str, *, force: bool = False) -> Path:
    """Write recipe.toml and tune.json into ``folder``; returns the recipe's path. Raises OSError.

    ``force``: also where files lie that Earmark did not write; else DataError is raised.
    """
    folder = Path(folder)
    check(folder, TUNED, sounds=partial(sounds_of, found.dataset), force=force)
    publish(folder, {"recipe.toml": found.recipe.to_toml(), "tune.json": as_text(found)}, force=force)
    return folder / "recipe.toml"


def as_text(found: Tuned) -> str:
    """tune.json."""
    return json.dumps(as_json(found), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_json(found: Tuned) -> dict[str, Any]:
    """Every number, as plain values."""

    def one(result: Found) -> dict[str, Any]:
        return {
            "recipe": result.recipe.short,
            "values": dict(result.values),
            "inner_score": result.score,
            "tried": result.tried,
        }

    made: dict[str, Any] = plain(
        {
            "dataset": {
                "name": found.dataset.name,
                "clips": len(found.dataset.clips),
                "fingerprint": found.fingerprint,
            },
            "given": found.given.short,
            "recipe": found.final.recipe.short,
            "metric": found.metric,
            "space": dict(found.space),
            "nested": found.evaluation.to_dict(),
            "as_given": found.as_given.to_dict(),
            "pair": found.pair.to_dict(),
            "final": one(found.final),
            "folds": [one(f) for f in found.searches],
            "chosen": chosen(found.searches),
            "protocol": found.protocol,
            "trials": found.trials,
            "inner": found.inner,
            "seed": found.seed,
            "majority": found.majority,
            "command": found.command,
            "seconds": found.seconds,
            "versions": dict(found.versions),
            "notes": list(found.notes),
        }
    )
    return made

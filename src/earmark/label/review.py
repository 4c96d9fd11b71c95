"""A review as the page sees it: the clips, what is asked of them, what was decided, and what lies near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import DataError
from ..data.clips import Dataset
from .items import Item
from .journal import Journal, State
from .neighbours import Neighbours


@dataclass(frozen=True)
class Review:
    """Items of a data set that are decided in a journal; ``near``: None where no clip's neighbours are known."""

    dataset: Dataset
    items: tuple[Item, ...]
    journal: Journal
    near: Neighbours | None

    def item(self, key: str) -> Item:
        """An item by its key. Raises DataError."""
        for item in self.items:
            if item.key == key:
                return item
        raise DataError(f"found the item {key[:100]!r}; wanted one of the {len(self.items)} of this review")

    def state(self) -> dict[str, Any]:
        """All that the page shows, as plain values."""
        self.journal.sync()
        states = self.journal.states()
        done = {d.item: {"what": d.what, "by": d.by} for d in self.journal.decisions}
        used = sorted({i for item in self.items for i in item.clips})
        return {
            "name": self.dataset.name,
            "classes": sorted({s.label for s in states.values() if s.label}),
            "items": [
                {
                    "key": i.key,
                    "kind": i.kind,
                    "clips": i.clips,
                    "text": i.text,
                    "proposed": i.proposed,
                    "done": done.get(i.key),
                }
                for i in self.items
            ],
            "clips": {i: self.clip(i, states) for i in used},
            "decisions": len(self.journal.decisions),
            "table": self.journal.table.name,
            "folder": str(self.journal.folder),
            "by": self.journal.by,
            "near": self.near is not None,
        }

    def clip(self, number: int, states: Mapping[str, State]) -> dict[str, Any]:
        """A clip as it was given and as it is now."""
        clip = self.dataset.clips[number]
        now = states[clip.id]
        return {
            "number": number,
            "id": clip.id,
            "label": now.label,
            "group": now.group,
            "fold": clip.fold,
            "given": clip.label,
            "exclude": now.exclude,
        }

    def nearest(self, number: int, proposed: str | None) -> list[dict[str, Any]]:
        """Clips that sound like one, among those of its label, and of the label that is ``proposed`` for it."""
        if self.near is None:
            return []
        clips, states = self.dataset.clips, self.journal.states()
        now = states[clips[number].id]
        columns = []
        for label in dict.fromkeys([now.label, proposed] if proposed else [now.label]):
            among = [i for i, c in enumerate(clips) if states[c.id].label == label and not states[c.id].exclude]
            others = [i for i in among if now.group and states[clips[i].id].group != now.group]  # they tell more
            close = self.near.of(number, others or among)
            heard = [{**self.clip(i, states), "near": round(cos, 3)} for i, cos in close]
            columns.append({"label": label, "others": bool(others), "clips": heard})
        return columns

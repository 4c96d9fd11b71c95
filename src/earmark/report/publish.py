"""Files into a folder all at once: a reader sees the old report or the new one, never half of one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

_LEFT = 3600.0  # seconds after which an unfinished folder has been given up


def publish(folder: Path, files: Mapping[str, str | bytes], *, owned: tuple[str, ...] = ()) -> None:
    """Write ``files`` (relative name -> content) under temporary names, then rename each into place, in order.

    ``owned``: folders that hold nothing but what is written here, e.g. ``"figures"``; what an earlier run left
    there is removed. Raises OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".unfinished-*"):  # by a run that was killed
        if time.time() - left.stat().st_mtime > _LEFT:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as temporary:
        made = Path(temporary)
        for name, content in files.items():
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # Names of files may be no UTF-8: what cannot be written is written as \\udcff, which JSON reads back.
            target.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
        for name in owned:
            (made / name).mkdir(exist_ok=True)
            if (folder / name).exists():
                (folder / name).rename(made / f".old-{name}")
            (made / name).rename(folder / name)
        for name in files:
            if (made / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).replace(folder / name)
        for name in owned:
            shutil.rmtree(made / f".old-{name}", ignore_errors=True)

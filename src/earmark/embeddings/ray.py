"""Shards on a Ray cluster: the same work as ``shards.local``, on as many machines as there are.

A shard is one Ray task; workers keep the opened work from task to task. A worker that dies costs its shard, which is done
again elsewhere. A shard that kills its workers time and again is cut in halves, until the one clip that does it is found
and told as an error. This is the only module that knows Ray.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..core import interrupts, telemetry
from ..core.errors import DataError, EarmarkError, MissingExtraError
from ..core.paths import is_remote
from ..core.storage import place
from ..core.text import first_line
from ..data.clips import Clip, Excluded
from .shards import Made, Work, Write, make, refuse

TRIES = 3  # deaths of workers before a shard is cut in halves
STORE = 256 * 2**20  # bytes of shared memory of a cluster started here: only nets pass through it
_open: dict[str, Write] = {}  # in a worker's process: the work it is at


@contextmanager
def cluster(address: str | None = None, *, workers: int | None = None) -> Iterator[int]:
    """Join the Ray cluster at ``address`` ("auto", "host:6379", "ray://host:10001"), or start one here; yields its CPUs.

    Raises MissingExtraError without Ray, DataError if nothing answers.
    """
    telemetry.off()
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtraError("--engine ray", "ray") from error
    own = not ray.is_initialized()
    if own:
        _reach(address)
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        here: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": STORE}
        try:
            if address and address != "local":
                ray.init(address=address, **quiet)
            else:
                with _asking_nobody():
                    ray.init(address="local", **quiet, **here)
            interrupts.again()
        except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
            raise DataError(
                f"found no Ray cluster at {address or 'this machine'} ({first_line(error)}). Start "
                "one with `ray start --head`, give its --address, or leave --address out to use this machine. A cluster that "
                "asks for a token wants RAY_AUTH_MODE=token here, and the head's ~/.ray/auth_token"
            ) from error
    try:
        yield _processors(ray)
    finally:
        if own:
            ray.shutdown()


@contextmanager
def _asking_nobody() -> Iterator[None]:
    """Start no server that tells of a cluster: it asks the network in whose cloud it is, also where reports are off.

    Ray 2.60 has no switch for that. Without a page and reports that server has nothing else to do.
    """
    kind: Any = None
    with suppress(ImportError):
        from ray._private.node import Node

        kind = Node
    start = getattr(kind, "start_api_server", None)
    if start is None:  # another Ray
        yield
        return

    def nothing(node: Any, **how: Any) -> None:  # noqa: ARG001
        node._webui_url = ""

    kind.start_api_server = nothing
    try:
        yield
    finally:
        kind.start_api_server = start


def _reach(address: str | None) -> None:
    """Ray waits long, and may end the process, where nothing listens: so look first."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise DataError(
            f"nothing answers at {address} ({error.strerror or error}). Wanted: the address of a Ray cluster, e.g. "
            "auto, 10.0.0.1:6379 or ray://10.0.0.1:10001"
        ) from error


def _processors(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _shard(key: str, boxed: Sequence[Any], out: str, clips: Sequence[Clip]) -> Made:
    """One task. ``boxed`` holds a reference to the work, which is only fetched by a process that has not got it."""
    if key not in _open:
        import ray

        work: Work = ray.get(boxed[0])
        _open.clear()
        _open[key] = work.open()
    return make(_open[key], out, clips)


def spread(work: Work, out: str, shards: Sequence[Sequence[Clip]]) -> Iterator[Made]:
    """Do shards on the cluster that was joined, as they get done. Raises what ``make`` raises.

    Raises DataError, too, if a shard is not to be seen from here: all machines have to see the same ``out``.
    """
    import ray

    if not is_remote(out):
        out = str(Path(out).expanduser().absolute())  # workers may stand in another folder
    target = place(out)
    died = (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError)
    task = ray.remote(num_cpus=1, max_retries=TRIES)(_shard)
    boxed, key = [ray.put(work)], str(sorted(work.facts.items(), key=str))
    left = list(reversed(shards))
    running: dict[Any, Sequence[Clip]] = {}
    try:
        while left or running:
            # More than there are processors: so that none waits, and that a cluster that grows sees a reason to.
            while left and len(running) < 2 * _processors(ray) + 2:
                clips = left.pop()
                running[task.remote(key, boxed, out, clips)] = clips
            for ready in ray.wait(list(running), timeout=5)[0]:
                clips = running.pop(ready)
                try:
                    made: Made = ray.get(ready)
                    if made.name and not (target / made.name).exists():
                        raise DataError(
                            f"{target}: {made.name} was written by a worker and is not there: it has that folder on its own "
                            "disk. Give a URI, or a folder that all machines share"
                        )
                    yield made
                except died:
                    if len(clips) > 1:
                        left += [clips[len(clips) // 2 :], clips[: len(clips) // 2]]
                    else:
                        gone = Excluded(clips[0].id, f"unreadable: {TRIES + 1} workers died while they read it")
                        refuse(out, [gone], clips)
                        yield Made(1, 0, (gone,), 0.0)
                except ray.exceptions.RayTaskError as error:
                    if isinstance(error.cause, EarmarkError):
                        raise error.cause from error
                    raise
    finally:
        # A driver that ends takes its tasks with it; to cancel one that ends at that moment aborts Ray itself.
        for one in () if interrupts.asked() else running:
            ray.cancel(one)

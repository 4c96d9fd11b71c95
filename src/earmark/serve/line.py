"""The line in front of the workers: bounded, shared by all clients, and left when nobody waits any more.

Workers are threads: decoding, resampling, FFT and nets all run outside Python's lock. Sounds are what runs in parallel,
as in ``embed``; the embeddings of several clients are not joined into one batch, because on a CPU that gains nothing (measured
per window on one thread, batches of 1, 4, 16: yamnet 1.3, 1.1, 1.1 ms; musicnn 28, 30, 31 ms) and makes short sounds
wait for long ones.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .limits import Limits, RefusedError, full, out_of_time

T = TypeVar("T")


class Job:
    """When a piece of work must be done, and whether anybody still waits for it."""

    def __init__(self, timeout: float, name: str | None = None) -> None:
        self.timeout = timeout
        self.name = name
        self.ends = time.monotonic() + timeout
        self.begun: float | None = None  # monotonic seconds
        self.left = threading.Event()
        self._total: float | None = None
        self._passes = 1
        self._pass, self._last, self._done = 0, 0.0, 0.0

    @property
    def share(self) -> float | None:
        """How much of the work is done, 0 to 1; None: the sound does not say how long it is."""
        return self._done if self._total else None

    def expect(self, seconds: float | None, passes: int) -> None:
        """The sound has so many seconds, and is gone through so many times."""
        self._total, self._passes = seconds, passes

    def at(self, seconds: float) -> None:
        """So far a pass through the sound has come. Raises what ``check`` raises."""
        self._pass += seconds < self._last / 2  # another pass begins
        self._last = seconds
        if self._total:
            now = (self._pass + min(1.0, seconds / self._total)) / self._passes
            self._done = min(1.0, max(self._done, now))
        self.check()

    def check(self) -> None:
        """Raise RefusedError if the work need not go on; called by the worker between blocks of sound."""
        if self.left.is_set() or time.monotonic() > self.ends:
            raise out_of_time(self.timeout, begun=True)


class Line:
    """``limits.workers`` threads, and a line of at most ``limits.waiting`` jobs for them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.inside = 0  # waiting or at work
        self._usual = 1.0  # seconds that a job took lately
        self.jobs: dict[str, Job] = {}  # those with a name, while they are inside
        self._workers = ThreadPoolExecutor(limits.workers, thread_name_prefix="earmark")

    @property
    def waiting(self) -> int:
        """Jobs that no worker has begun."""
        return max(0, self.inside - self.limits.workers)

    @property
    def retry_after(self) -> int:
        """Seconds after which a place should be free."""
        return max(1, min(60, math.ceil(self._usual * self.inside / self.limits.workers / 2)))

    def check(self) -> None:
        """Raise RefusedError (503) if the line is full."""
        if self.inside >= self.limits.workers + self.limits.waiting:
            raise full(self.retry_after)

    def job(self, name: str | None) -> Job:
        """A new job. Raises RefusedError if another one that is inside has its name."""
        job = Job(self.limits.timeout, name)
        if name is not None and name in self.jobs:
            wanted, todo = "a name for each", "Choose another one, or leave it out."
            raise RefusedError(422, "wrong_option", f"job={name!r}, which is at work", wanted, todo)
        return job

    async def run(self, job: Job, work: Callable[[], T], done: Callable[[], None]) -> T:
        """The result of ``work()`` by a worker. ``done()`` is called once, when nobody touches the work any more.

        Raises RefusedError: the line is full, or the job's time is over. What is cancelled while it waits is never begun.
        """
        loop = asyncio.get_running_loop()

        def begin() -> T:
            job.begun = time.monotonic()
            job.check()
            return work()

        def end(_: Future[T]) -> None:
            try:
                done()
            finally:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._end, job)

        try:
            self.check()
        except Exception:
            done()
            raise
        self.inside += 1
        if job.name is not None:
            self.jobs[job.name] = job
        future = self._workers.submit(begin)
        future.add_done_callback(end)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), job.ends - time.monotonic())
        except TimeoutError:
            raise out_of_time(job.timeout, begun=job.begun is not None) from None
        finally:
            job.left.set()

    def _end(self, job: Job) -> None:
        self.inside -= 1
        if job.name is not None:
            self.jobs.pop(job.name, None)
        if job.begun is not None:
            self._usual = 0.8 * self._usual + 0.2 * (time.monotonic() - job.begun)

    def close(self) -> None:
        """Let what is at work end, drop what waits."""
        self._workers.shutdown(wait=True, cancel_futures=True)

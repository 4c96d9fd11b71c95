"""The interval of a paired difference of shares, by inverting a score test that knows of groups.

Two recipes are right and wrong on the same clips; only the *discordant* ones, where one is right and the other is not,
tell them apart. Where few are discordant, what the sample varies by says little of what another would: one discordant
clip of 100 looks almost sure. A score test asks instead, at each difference ``delta``, how much the difference would
vary if that were the true one (Tango 1998): at a difference of ten points at least one clip in ten is discordant. The
interval holds the differences that the test does not reject.

Clips of one group go together, so the variance of single clips is multiplied by the design effect, which is how much
more the sums of groups vary than as many single clips would (Obuchowski 1998; Rao & Scott 1992). Few discordant clips
tell little of it: one more is reckoned with that turns its whole group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .intervals import Array, Groups

_HALVINGS = 50
_PULL = 1.0  # discordant clips that are taken to turn their whole group


@dataclass(frozen=True, slots=True)
class Discordance:
    """Where two recipes differ: clips won and lost (fractions where seeds are averaged), of how many, how clustered.

    ``design``: the variance of the sum over that of as many single clips. ``caution``: what the clip reckoned with
    beside those seen adds to the standard error, as a factor.
    """

    won: float
    lost: float
    clips: float
    design: float
    caution: float

    @classmethod
    def of(cls, gaps: Array, units: Groups, totals: Array | None = None) -> Discordance:
        """From differences per clip (n,), and out of how much each is, ``totals`` (n,); None: out of 1."""
        won, lost = float(np.maximum(gaps, 0).sum()), float(np.maximum(-gaps, 0).sum())
        sizes = units.sizes.astype(np.float64) if totals is None else units.sums(totals)
        clips = float(sizes.sum())
        mean = (won - lost) / clips
        together = float(((units.sums(gaps) - mean * sizes) ** 2).sum()) * len(units) / max(1, len(units) - 1)
        alone = won + lost - clips * mean**2
        alike = float((sizes**2).sum()) / clips  # clips in the group of a clip
        careful = (together + _PULL * alike) / (alone + _PULL)
        seen = together / alone if min(together, alone) > 1e-9 else careful
        design = max(seen, careful)
        return cls(won, lost, clips, design, float(np.sqrt(design / seen)))

    @property
    def difference(self) -> float:
        """Share won less share lost."""
        return (self.won - self.lost) / self.clips

    def error(self, delta: float) -> float:
        """Standard error of the difference if ``delta`` were the true one."""
        n, b, c = self.clips, self.won, self.lost
        half = (2 * n - b + c) * delta - b - c
        root = np.sqrt(max(0.0, half**2 + 8 * n * c * delta * (1 - delta)))
        lost = min(max((root - half) / (4 * n), 0.0, -delta), (1 - delta) / 2)  # the likeliest share under ``delta``
        return float(np.sqrt(max(0.0, self.design * (2 * lost + delta - delta**2) / n)))

    def interval(self, near: float, far: float, *, zero: bool) -> tuple[float, float]:
        """The differences less than so many standard errors from the one seen.

        ``near`` counts on the side of 0, ``far`` on the other. ``zero`` says whether 0 is inside.
        """
        if self.won < self.lost:
            low, high = replace(self, won=self.lost, lost=self.won).interval(near, far, zero=zero)
            return -high, -low
        inside = 0.0 if zero else self.difference
        return self._end(inside, -1.0 if zero else 0.0, near), self._end(self.difference, 1.0, far)

    def shown(self, critical: float, quantile: float) -> float:
        """The smallest true difference that a test with this critical value finds with the power of ``quantile``.

        As many clips are discordant as were seen, or as the difference itself makes so.
        """
        seen = (self.won + self.lost) / self.clips
        inside, outside = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            rate = max(seen, middle)
            null, true = (np.sqrt(self.design * v / self.clips) for v in (rate, rate - middle**2))
            if middle < critical * null + quantile * true:
                inside = middle
            else:
                outside = middle
        return outside

    def _end(self, inside: float, outside: float, critical: float) -> float:
        """Where between the two rejecting begins."""
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            if abs(self.difference - middle) < critical * self.error(middle):
                inside = middle
            else:
                outside = middle
        return outside if outside != 0 else inside

"""The waits between attempts."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass
class Backoff:
    """Exponential, with full jitter, so that a fleet does not return at once. Seconds."""

    base: float
    most: float
    attempt: int = 0

    def next(self) -> float:
        """The wait after one more failure: from 0 to the ceiling, which doubles with every failure."""
        ceiling: float = min(self.most, self.base * 2.0 ** min(self.attempt, 30))
        self.attempt += 1
        return random.random() * ceiling

    def slow(self) -> float:
        """The wait after a failure that does not end by itself: from half of the highest ceiling to all of it."""
        self.attempt += 1
        return self.most / 2 * (1 + random.random())

    def reset(self) -> None:
        self.attempt = 0

"""Clocks that stand until they are moved: a simulated day has no waiting in it."""

from datetime import UTC, datetime
from pathlib import Path


class SteppedClock:
    """Give it to a simulator as its clock."""

    def __init__(self, at: datetime) -> None:
        self.now = at

    def __call__(self) -> datetime:
        return self.now

    def move_to(self, at: datetime) -> None:
        """Forward only, like any clock that others have read."""
        self.now = max(self.now, at)


class FollowedClock(SteppedClock):
    """One that the functions go by, too: theirs runs on from wherever it was moved to."""

    def __init__(self, at: datetime, file: Path) -> None:
        super().__init__(at)
        self.file = file
        self._tell()

    def move_to(self, at: datetime) -> None:
        super().move_to(at)
        self._tell()

    def _tell(self) -> None:
        """In one step: a function that reads it half written would know no time at all."""
        ahead = (self.now - datetime.now(UTC)).total_seconds()
        written = self.file.with_suffix(".new")
        written.write_text(str(ahead))
        written.replace(self.file)

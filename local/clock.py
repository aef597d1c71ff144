"""A clock that stands until it is moved: a simulated day has no waiting in it."""

from datetime import datetime


class SteppedClock:
    """Give it to a simulator as its clock."""

    def __init__(self, at: datetime) -> None:
        self.now = at

    def __call__(self) -> datetime:
        return self.now

    def move_to(self, at: datetime) -> None:
        """Forward only, like any clock that others have read."""
        self.now = max(self.now, at)

"""What a dry run tells: a value that two settings would have written differently."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

ONCE_CHANGED = "once a fact of this work changes that day"


class Difference(NamedTuple):
    """One value of one appointment, as the two settings would have it."""

    appointment: str
    number: str
    what: str
    held: str  # what stands in Salesforce
    present: str  # by the settings as they are
    typed: str  # by the others
    at_once: bool = False  # whether the next fact of this work, or this day, would bring it
    rule: str = ""
    of: Literal["work", "entry", "day", "row"] = "work"

    @property
    def note(self) -> str:
        """What becomes of what stands, once the others are saved."""
        if self.of == "row":
            return "a row that stands stays as it is"
        if self.at_once:
            return self._coming
        return "what stands stays" if self.held and self.held != self.typed else ""

    @property
    def _coming(self) -> str:
        if self.of == "work":
            return "written with its next fact"
        if self.of == "entry" and self.held:
            # Of an entry that stands type and subject are never written again.
            return f"{'its times changed' if self.typed else 'taken away'} {ONCE_CHANGED}"
        return f"written {ONCE_CHANGED}"


def shown(value: object) -> str:
    """A value as people read it, "" for none."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return "" if value is None else str(value)


def span(start: datetime, end: datetime) -> str:
    """Of one day mostly: then it is named once."""
    same = start.date() == end.date()
    return f"{start:%Y-%m-%d %H:%M} to {end:{'%H:%M' if same else '%Y-%m-%d %H:%M'}} UTC"

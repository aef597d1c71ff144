"""Rule: whoever writes about an appointment or a day claims it first, and lets it go."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Contended, Unavailable, must
from fieldlink.records import SheetClaim
from fieldlink.writing.standing import ABANDONED

if TYPE_CHECKING:
    from fieldlink.models import NewSheet
    from fieldlink.ports import State
    from fieldlink.records import Anchor, Intent

FORGET = timedelta(days=1)  # by then nobody asks any more who made a sheet


class Claims:
    """The anchors that this worker writes about; nobody else does so meanwhile."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._held: list[tuple[Anchor, Anchor]] = []
        self._sheets: list[SheetClaim] = []

    def take(self, anchor: Anchor, intent: Intent) -> None:
        """Unless somebody has changed it since it was read."""
        claimed = anchor.model_copy(update={"intent": intent})
        held = claimed.model_copy(update={"version": anchor.version + 1})
        try:
            must(self._state.write(claimed))
        except Unavailable:
            self._take_back(anchor, held)
            raise
        self._held.append((anchor, held))

    def make(self, sheet: NewSheet, connection: str, intent: Intent) -> None:
        """Unless another worker may be making this sheet, or may just have made it: who comes
        again sees it. So it stays claimed after it was made, until everybody who had looked
        before that has ended.
        """
        claim = SheetClaim(
            connection=connection,
            resource=sheet.resource,
            first=sheet.first,
            since=intent.since,
            delivery=intent.delivered.delivery,
            ttl=int((intent.since + FORGET).timestamp()),
        )
        self._sheets.append(claim)
        if self._state.write(claim):
            return
        other = self._state.read(SheetClaim, *claim.key)
        if other is None or claim.since - other.since < ABANDONED:
            raise Contended("another worker makes this time sheet")
        must(self._state.write(claim.model_copy(update={"version": other.version})))

    def store(self, anchor: Anchor) -> None:
        """Keep what is new of it, and let it go. Nobody else writes what is claimed, so that
        needs no condition, and can go with what others store in one call. But only once: as
        soon as it is stored it may be somebody else's.
        """
        if any(before.key == anchor.key for before, _ in self._held):
            self._state.write_all([anchor], once=True)
        else:
            must(self._state.write(anchor))

    def version(self, anchor: Anchor) -> int:
        """Of an anchor now, whether it is among these or not."""
        found = (held.version for before, held in self._held if before.key == anchor.key)
        return next(found, anchor.version)

    def drop(self) -> None:
        """Nothing of this try was carried out: it is as if it had not been."""
        for claim in self._sheets:
            with suppress(Unavailable):  # likewise
                self._state.forget(claim)
        for before, held in reversed(self._held):
            self._let_go(held, before.intent)

    def hand_back(self) -> None:
        """Nothing of this try goes on: whoever comes next may look at once."""
        for _, held in self._held:
            if held.intent:
                over = held.intent.since - ABANDONED
                self._let_go(held, held.intent.model_copy(update={"since": over}))

    def _take_back(self, anchor: Anchor, held: Anchor) -> None:
        """A claim that failed may be there all the same."""
        with suppress(Unavailable):
            stored = self._state.read(type(anchor), *anchor.key)
            if stored and stored.version == held.version and _same(stored, held):
                self._let_go(held, anchor.intent)

    def _let_go(self, held: Anchor, intent: Intent | None) -> None:
        with suppress(Unavailable):  # then it is free once it counts as abandoned
            self._state.write(held.model_copy(update={"intent": intent}))


def _same(one: Anchor, other: Anchor) -> bool:
    """Whether two have the intent of one try."""
    told = [
        each.intent and (each.intent.delivered.delivery, each.intent.since)
        for each in (one, other)
    ]
    return told[0] == told[1]

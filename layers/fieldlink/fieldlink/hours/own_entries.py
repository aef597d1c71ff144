"""Rule: the entries of a day that are ours, and which work each of them is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours.booking import WAY, Claim
from fieldlink.hours.sheets import OPEN_SHEET
from fieldlink.hours.stretches import Span, overlap
from fieldlink.models import Ability, minute

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fieldlink.models import Booked, View
    from fieldlink.practice import Practice
    from fieldlink.records import Day, Entry

OUT_OF_USE = "out of use"  # the practice does not cover it any more: it stands, without a word


class Row(NamedTuple):
    """An entry of ours."""

    key: str
    ours: Entry  # as we wrote it
    stands: Span | None  # in whole minutes; None: somebody has deleted it
    sheet: str
    fixed: str  # why it is not ours to change any more, or ""

    @property
    def appointment(self) -> str:
        return self.key.partition("/")[0]

    @property
    def number(self) -> int | None:
        """None: an earlier version made it, which had one for each appointment."""
        return number(self.key)

    @property
    def wrote(self) -> Span:
        return self.ours.starts_at, self.ours.ends_at


def key(day: Day, appointment: str, of: int) -> str:
    """What an entry is found by."""
    return f"{appointment}/{day.resource}/{day.on}/{of or 'way'}"


def number(of: str) -> int | None:
    """What a key says it is of: the number of a block, or `WAY`."""
    parts = of.split("/")
    if len(parts) < 4:  # as an earlier version had it: appointment/resource
        return None
    return WAY if parts[3] == "way" else int(parts[3])


def rows(
    day: Day,
    view: View,
    practice: Practice,
    lacking: Mapping[Ability, str],
    stuck: Mapping[str, str],
) -> list[Row]:
    """Those that have been made. `stuck`: those that can't be removed, by key, and why."""
    found = []
    for name, entry in sorted(day.ours.entries.items()):
        if not entry.id:
            continue
        booked = view.entries.get(entry.id)
        why = _fixed(entry, booked, lacking) or stuck.get(name, "")
        if number(name) == WAY and practice.time_sheets != "visits_and_travel":
            why = OUT_OF_USE
        found.append(Row(name, entry, _span(booked), booked.sheet if booked else "", why))
    return found


def assigned(day: Day, claims: Iterable[Claim], of: Collection[Row]) -> dict[Claim, str]:
    """The key of each claim.

    Blocks are numbered in time order. But an entry that is not ours to change stays with the
    work that it was made for, and keeps its number, though earlier work is heard of later.
    """
    by_appointment: dict[str, list[Claim]] = {}
    for claim in claims:
        by_appointment.setdefault(claim.appointment, []).append(claim)
    found: dict[Claim, str] = {}
    for name, its in by_appointment.items():
        blocks = [each for each in its if each.number != WAY]
        made = [each for each in of if each.appointment == name and each.number != WAY]
        found |= {each: key(day, name, WAY) for each in its if each.number == WAY}
        found |= _numbered(day, blocks, made)
    return found


def _numbered(day: Day, blocks: list[Claim], made: list[Row]) -> dict[Claim, str]:
    found: dict[Claim, str] = {}
    bound = [row for row in made if row.fixed or row.number is None]
    for made_for in (_most_of, _in_its_place):
        for row in bound:
            claim = made_for(row, blocks)
            if claim and claim not in found and row.key not in found.values():
                found[claim] = row.key
    used = {row.number for row in made if row.fixed}
    numbers = (each for each in range(1, len(blocks) + len(used) + 1) if each not in used)
    for claim in blocks:
        if claim not in found:
            found[claim] = key(day, claim.appointment, next(numbers))
    return found


def _most_of(row: Row, blocks: list[Claim]) -> Claim | None:
    """The work of which an entry has most."""
    best = max(blocks, key=lambda each: overlap(each.span, row.wrote), default=None)
    return best if best and overlap(best.span, row.wrote) else None


def _in_its_place(row: Row, blocks: list[Claim]) -> Claim | None:
    """What has its number, if nothing is left of what it was made for. An entry of an earlier
    version is that of the last block.
    """
    place = (row.number or len(blocks)) - 1
    gone = _most_of(row, blocks) is None and place < len(blocks)
    return blocks[place] if gone and blocks else None


def _fixed(entry: Entry, booked: Booked | None, lacking: Mapping[Ability, str]) -> str:
    if booked is None:
        return "the one that was there has been deleted"
    if booked.sheet_status != OPEN_SHEET:
        return f"its sheet is {booked.sheet_status}"
    if _span(booked) != (minute(entry.starts_at), minute(entry.ends_at)):
        return "a person has changed its times"
    return lacking.get(Ability.CHANGED_ENTRIES, "")


def _span(booked: Booked | None) -> Span | None:
    return (minute(booked.starts_at), minute(booked.ends_at)) if booked else None

"""Rule: the time sheet entries of a day: which are made, changed, removed, or left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours import booking, framing, own_entries, sheets
from fieldlink.hours.booking import WAY
from fieldlink.hours.own_entries import OUT_OF_USE
from fieldlink.models import Ability, NewSheet, SheetEntry
from fieldlink.records import Entry
from fieldlink.writing.activity import reference
from fieldlink.writing.wording import words
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fieldlink.hours.booking import Claim
    from fieldlink.hours.own_entries import Row
    from fieldlink.hours.stretches import Span
    from fieldlink.hours.travelling import Share
    from fieldlink.models import View
    from fieldlink.practice import Practice
    from fieldlink.records import Day

LEFT_OUT = "no time sheet entry: "
TAKEN = "all of its time is on other entries"
STUCK = "the one that is there can't be removed: "
CUT = "min before clock-in or after clock-out are not on the time sheet"


class Scene(NamedTuple):
    """A day, and what it is judged by."""

    day: Day
    view: View
    practice: Practice
    lacking: Mapping[Ability, str]


class Entered(NamedTuple):
    """What to write on time sheets, and what we will have written then."""

    meant: dict[str, Entry]
    entries: tuple[SheetEntry, ...] = ()
    sheets: tuple[NewSheet, ...] = ()
    removed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Wish(NamedTuple):
    """One claim: what it gets, and the entry of ours that is there for it."""

    claim: Claim
    key: str
    row: Row | None
    span: Span | None  # None: it gets nothing
    alone: Span | None  # what it would get if every entry were ours to change
    inside: bool  # whether any of it lies between clock-in and clock-out


def plan(scene: Scene, shares: Mapping[str, Share]) -> Entered:
    """What the practice does not cover is neither made nor taken away."""
    day, view, practice, _ = scene
    if practice.time_sheets == "none":
        return Entered(day.ours.entries)
    unseen = [
        f"{LEFT_OUT}{part.problem}{_of(name, day)}"
        for name, part in sorted(day.parts.items())
        if part.problem
    ]
    claims = booking.claims(day, shares, zone(view.time_zone), practice)
    if view.sheets is None:
        why = [f"{LEFT_OUT}{view.sheets_problem}"] if claims else []
        return Entered(day.ours.entries, left_out=(*unseen, *why))
    found = _entered(scene, claims, {})
    return found._replace(left_out=tuple(dict.fromkeys([*unseen, *found.left_out])))


def _entered(scene: Scene, claims: list[Claim], stuck: Mapping[str, str]) -> Entered:
    rows = own_entries.rows(scene.day, scene.view, scene.practice, scene.lacking, stuck)
    wishes = _wishes(scene.day, claims, rows)
    wanted = {wish.key for wish in wishes if wish.span}
    gone = [row for row in rows if not row.fixed and row.key not in wanted]
    if gone and Ability.REMOVED_ENTRIES in scene.lacking:  # so they stand in the others' way
        why = f"{STUCK}{scene.lacking[Ability.REMOVED_ENTRIES]}"
        return _entered(scene, claims, {**stuck, **dict.fromkeys((r.key for r in gone), why)})
    left_out = [*_left_alone(scene.day, wishes, rows), *_cut(scene.day, wishes)]
    meant = {row.key: row.ours for row in rows if row not in gone}
    entries: list[SheetEntry] = []
    made: dict[str, NewSheet] = {}
    for wish in wishes:
        entry = _entry(wish, scene)
        if isinstance(entry, str):
            left_out += [entry] if entry else []
            continue
        of, sheet = entry
        entries.append(of)
        made |= {sheet.key: sheet} if sheet else {}
        meant[of.key] = Entry(id=of.id, starts_at=of.starts_at, ends_at=of.ends_at)
    removed = tuple(row.ours.id for row in gone)
    return Entered(meant, tuple(entries), tuple(made.values()), removed, tuple(left_out))


def _wishes(day: Day, claims: list[Claim], rows: list[Row]) -> list[Wish]:
    keys = own_entries.assigned(day, claims, rows)
    frame = framing.frame(day)
    given = booking.given(claims, frame, [r.stands for r in rows if r.fixed and r.stands])
    alone = booking.given(claims, frame, ())
    of = {row.key: row for row in rows}
    return [
        Wish(
            each,
            keys[each],
            of.get(keys[each]),
            given.get(each),
            alone.get(each),
            booking.inside(each, frame),
        )
        for each in claims
    ]


def _entry(wish: Wish, scene: Scene) -> tuple[SheetEntry, NewSheet | None] | str:
    """The entry to make or change, with its sheet if that is made, too; else why not."""
    day, row = scene.day, wish.row
    if not wish.span:
        told = not wish.inside or (row and row.fixed) or wish.claim.number == WAY
        return "" if told else f"{LEFT_OUT}{TAKEN}{_of(wish.claim.appointment, day)}"
    if row:
        same = row.fixed or row.stands == wish.span
        return "" if same else (_written(wish, wish.span, row.sheet, "", scene), None)
    kind = Ability.TRAVEL_ENTRIES if wish.claim.number == WAY else Ability.VISIT_ENTRIES
    if kind in scene.lacking:
        return f"{LEFT_OUT}{scene.lacking[kind]}"
    site = zone(day.parts[wish.claim.appointment].zone)
    on = wish.span[0].astimezone(site).date()
    sheet = sheets.find(
        on, day.resource, scene.view.sheets or (), scene.practice, scene.lacking
    )
    if isinstance(sheet, str):
        return f"{LEFT_OUT}{sheet}"
    if isinstance(sheet, NewSheet):
        return _written(wish, wish.span, "", sheet.key, scene), sheet
    return _written(wish, wish.span, sheet.id, "", scene), None


def _written(wish: Wish, span: Span, sheet: str, new_sheet: str, scene: Scene) -> SheetEntry:
    part, practice = scene.day.parts[wish.claim.appointment], scene.practice
    way = wish.claim.number == WAY
    about = [f"Appointment {part.number}"] if part.number else []
    return SheetEntry(
        id=wish.row.ours.id if wish.row else "",
        key=wish.key,
        sheet=sheet,
        new_sheet=new_sheet,
        resource=scene.day.resource,
        type=practice.travel_type if way else practice.work_type,
        starts_at=span[0],
        ends_at=span[1],
        subject=words("sheet_travel" if way else "sheet_visit", practice),
        description="\n".join([*about, reference(wish.key)]),
        work_order=part.work_order,
        work_order_line=part.work_order_line,
    )


def _left_alone(day: Day, wishes: Iterable[Wish], rows: Iterable[Row]) -> Iterator[str]:
    """Entries that should be others, and are not ours to change."""
    wanted = {wish.key: wish.alone for wish in wishes}
    for row in rows:
        if row.fixed and row.fixed != OUT_OF_USE and row.stands != wanted.get(row.key):
            yield f"{LEFT_OUT}{row.fixed}{_of(row.appointment, day)}"


def _cut(day: Day, wishes: Iterable[Wish]) -> Iterator[str]:
    """How much of whose work lies before the first clock-in or after the last clock-out."""
    frame = framing.frame(day)
    minutes: dict[str, int] = {}
    for wish in wishes:
        name, left_alone = wish.claim.appointment, wish.row and wish.row.fixed
        lost = 0 if left_alone else booking.cut(wish.claim, frame)
        minutes[name] = minutes.get(name, 0) + lost
    for name, lost in sorted(minutes.items()):
        if lost:
            yield f"{lost} {CUT}{_of(name, day)}"


def _of(appointment: str, day: Day) -> str:
    """Which appointment that is about, as far as it has a number."""
    part = day.parts.get(appointment)
    return f" ({part.number})" if part and part.number else ""

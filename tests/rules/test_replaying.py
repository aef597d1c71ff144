"""What is parked, grouped by cause, and sent again."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink import cures, replaying
from fieldlink.errors import Unavailable
from fieldlink.records import Parked
from fieldlink.replaying import Choice, Replayed
from tests.fakes import NOON, Death, FakeOutbox, FakeState, Fate, Killed
from tests.make import APPOINTMENT, CONNECTION, DEVICE, RESOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

QUEUES = ("polls", "changes", "invites", "events", "bursts")


def parked(number: int, cause: str = "no", **more: Any) -> Parked:
    fields = {
        "id": f"events-{number:05}",
        "queue": "events",
        "body": f'{{"number": {number}}}',
        "group": f"g{number}",
        "at": NOON + timedelta(seconds=number),
        **more,
    }
    return Parked.model_validate({"connection": CONNECTION, "cause": cause, **fields})


class Desk:
    """What is parked, and where it goes."""

    def __init__(self, items: Iterable[Parked]) -> None:
        self.fate = Fate()
        self.state = FakeState(self.fate)
        self.state.write_all(items)
        self.queues = {name: FakeOutbox(self.fate, name) for name in QUEUES}
        self._numbers = count()

    def chosen(self, **more: Any) -> list[Parked]:
        return replaying.chosen(CONNECTION, Choice(**more), self.state)

    def replay(self, more: Callable[[], bool] = lambda: True, **choice: Any) -> Replayed:
        return replaying.replay(
            self.chosen(**choice),
            state=self.state,
            queues=self.queues,
            random=lambda: f"random {next(self._numbers)}",
            more=more,
        )

    def sent(self, queue: str = "events") -> list[str]:
        return [each.body for each in self.queues[queue].messages]


# ── causes ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            f"appointment {APPOINTMENT} does not exist",
            "appointment 08pAb00000000zZQAY does not exist",
        ),
        (f"appointment {APPOINTMENT} is gone", f"appointment {APPOINTMENT[:15]} is gone"),
        (f"device {DEVICE} is nobody's", f"device {DEVICE.lower()} is nobody's"),
        ("given up after 29 tries: 503", "given up after 5 tries: 504"),
        ("late: 2026-03-04T09:00:00Z", "late: 2025-12-31T23:59:59.999+01:00"),
        ("SA-0001 is locked", "SA-48213 is locked"),
        ("more than 300 facts", "more than 1,000 facts"),
    ],
)
def test_causes_that_differ_in_ids_times_and_numbers_are_one(one: str, other: str) -> None:
    assert cures.plain(one) == cures.plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION: too long",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION: no",
        ),
        ("ENTITY_IS_DELETED: gone", "ENTITY_IS_LOCKED: gone"),
        ("unexpected KeyError: see the log", "unexpected TypeError: see the log"),
        ("internationalization", "counterrevolution"),  # as long as an id, and without a digit
    ],
)
def test_causes_that_differ_in_words_are_two(one: str, other: str) -> None:
    assert cures.plain(one) != cures.plain(other)


def test_a_word_as_long_as_an_id_is_no_id() -> None:
    assert cures.plain("responsibilities") == "responsibilities"
    assert cures.plain("REQUIRED_FIELD_MISSING") == "REQUIRED_FIELD_MISSING"


@pytest.mark.parametrize(
    ("cause", "hint"),
    [
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: Status: bad value", "renamed"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION: Too long", "validation rule"),
        ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: no", "Grant"),
        ("INSUFFICIENT_ACCESS_OR_READONLY: no", "Grant"),
        ("ENTITY_IS_LOCKED: the entity is locked", "approval"),
        ("ENTITY_IS_DELETED: entity is deleted", "Undelete"),
        ("NOT_FOUND: the resource does not exist", "gone"),
        ("appointment x does not exist or is not shared with us", "Share"),
        ("not assigned", "Assign"),
        ("given up after 29 tries: Salesforce answered 503", "hours"),
        ("unexpected KeyError: see the log", "under 'again'"),
        ("HyperTrack answered 401: bad key", "SecretKey"),
        ("HyperTrack answered 422: no such worker", "HyperTrack said no"),
        ("something that nobody foresaw", "Mend the cause"),
    ],
)
def test_every_known_cause_has_a_hint_what_to_do(cause: str, hint: str) -> None:
    assert hint in cures.cure(cause)


def test_five_thousand_of_one_cause_are_one_line() -> None:
    locked = [parked(n, f"ENTITY_IS_LOCKED: SA-{n:04} is locked") for n in range(5_000)]
    rest = [parked(9_001, "not assigned"), parked(9_000, "not assigned")]

    first, second = replaying.groups([*rest, *locked])

    assert (first.cause, len(first.items)) == ("ENTITY_IS_LOCKED: … is locked", 5_000)
    assert "approval" in first.hint
    assert [each.id for each in second.items] == ["events-09000", "events-09001"]
    assert first.id != second.id


# ── which ──────────────────────────────────────────────────────────────────────


def test_what_is_meant_fits_in_every_respect() -> None:
    desk = Desk(
        [
            parked(1, "locked 1"),
            parked(2, "LOCKED 2", queue="invites"),
            parked(3, "other", body=f'{{"a": "{RESOURCE}"}}'),
            parked(4, "locked 4", connection="another"),
        ]
    )
    [group] = [each.id for each in replaying.groups([parked(1, "locked 77")])]

    def ids(**more: Any) -> list[int]:
        return [int(each.id[-1]) for each in desk.chosen(**more)]

    assert ids() == [1, 2, 3]
    assert ids(queue="invites") == [2]
    assert ids(cause="locked") == [1, 2]
    assert ids(group=group) == [1]
    assert ids(ids=("events-00003", "events-00002")) == [2, 3]
    assert ids(about=RESOURCE) == [3]
    assert ids(since=NOON + timedelta(seconds=2)) == [2, 3]
    assert ids(until=NOON + timedelta(seconds=2)) == [1, 2]
    assert ids(cause="locked", queue="events") == [1]


# ── again ──────────────────────────────────────────────────────────────────────


def test_what_is_replayed_goes_to_its_own_queue_in_its_own_group_and_is_parked_no_more() -> (
    None
):
    desk = Desk(parked(n, queue=name) for n, name in enumerate(QUEUES))

    done = desk.replay()

    assert done == Replayed(sent=5, left=0)
    assert [desk.sent(name) for name in QUEUES] == [[f'{{"number": {n}}}'] for n in range(5)]
    assert [each.group for each in desk.queues["bursts"].messages] == ["g4"]
    assert desk.chosen() == []


def test_the_oldest_goes_first_and_nothing_is_dropped_as_known() -> None:
    desk = Desk(parked(n, body="the same", group=f"{n}") for n in (3, 1, 2))

    desk.replay()

    assert [each.group for each in desk.queues["events"].queued] == ["1", "2", "3"]


def test_they_are_sent_in_batches_and_forgotten_afterwards() -> None:
    desk = Desk(parked(n) for n in range(250))
    desk.fate.effects.clear()

    desk.replay()

    effects = [each for each in desk.fate.effects if not each.startswith("read")]
    sizes = [100, 100, 50]
    assert effects == [e for size in sizes for e in ("put events", *["erase Parked"] * size)]


def test_when_time_is_up_it_says_how_many_are_left() -> None:
    desk = Desk(parked(n) for n in range(250))
    left = iter([True, False])

    assert desk.replay(more=lambda: next(left)) == Replayed(sent=100, left=150)
    assert len(desk.chosen()) == 150

    assert desk.replay() == Replayed(sent=150, left=0)
    assert len(desk.sent()) == 250


def test_what_is_parked_anew_meanwhile_stays() -> None:
    desk = Desk([parked(1)])
    [read] = desk.chosen()
    anew = parked(1, "still no", at=NOON + timedelta(hours=1))
    desk.state.write_all([anew])

    replaying.replay(
        [read], state=desk.state, queues=desk.queues, random=lambda: "r", more=lambda: True
    )

    [kept] = desk.chosen()
    assert kept.cause == "still no"


def test_a_queue_that_does_not_take_them_leaves_them_parked() -> None:
    desk = Desk(parked(n) for n in range(3))
    desk.fate.fail("put events", Unavailable("SQS"))

    with pytest.raises(Unavailable):
        desk.replay()

    assert len(desk.chosen()) == 3


def test_who_is_killed_anywhere_and_begins_again_loses_none() -> None:
    effects = _effects_of_a_replay()
    for number in range(1, effects + 1):
        for side in ("before", "after"):
            desk = Desk(parked(n) for n in range(4))
            desk.fate.effects.clear()
            desk.fate.death = Death(side, number)
            with pytest.raises(Killed):
                desk.replay()

            desk.replay()

            assert {*desk.sent()} == {f'{{"number": {n}}}' for n in range(4)}
            assert desk.chosen() == []


def _effects_of_a_replay() -> int:
    desk = Desk(parked(n) for n in range(4))
    desk.fate.effects.clear()
    desk.replay()
    return len(desk.fate.effects)

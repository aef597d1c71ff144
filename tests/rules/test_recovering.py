"""What HyperTrack recorded and never told us is sent on, once, and nothing else is."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Refused, Unavailable
from fieldlink.hearing import recovering, silence
from fieldlink.models import Category, Kind, Outcome, Recover, Report
from fieldlink.records import Day, Device, Heard, LiveFence, Tracking, Visit
from fieldlink.writing import reports
from tests.fakes import NOON, FakeOutbox
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    CONNECTION,
    DEVICE,
    GEOFENCE,
    RESOURCE,
    World,
    appointment,
    at,
    connection,
    event,
    geofence,
    geotag,
    report,
    resource,
    worker,
)

if TYPE_CHECKING:
    from datetime import datetime

MORNING = at(6)


class Record(World):
    """A resource at work at a geofence, and what HyperTrack knows of it."""

    def __init__(self) -> None:
        super().__init__()
        self.events = FakeOutbox(self.fate, "Report")
        self.now = at(18)
        fence = LiveFence.model_validate(
            {
                "id": GEOFENCE,
                "fence": {
                    "device": DEVICE,
                    "latitude": 52.5,
                    "longitude": 13.4,
                    "radius": 100,
                    "metadata": {},
                },
            }
        )
        tracking = Tracking(
            connection=CONNECTION,
            resource=RESOURCE,
            appointment=APPOINTMENT,
            assignment=ASSIGNMENT,
            live=fence,
        )
        self.state.write_all(
            [
                worker(device=DEVICE),
                Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE),
                resource(),
                geofence(),
                appointment(),
                tracking,
            ]
        )

    def recover(self, since: datetime = MORNING, *, nightly: bool = True) -> int:
        asked = Recover(
            connection=CONNECTION,
            resource=RESOURCE,
            since=since,
            until=self.now,
            nightly=nightly,
        )
        return recovering.recover(asked, self.ground)

    def take(self) -> list[Outcome]:
        """What the worker makes of all that was sent on."""
        queued, self.events.messages[:] = list(self.events.messages), []
        return [
            reports.take(Report.model_validate_json(each.body), self.desk) for each in queued
        ]

    @property
    def kinds(self) -> list[str]:
        visit = self.state.read(Visit, CONNECTION, APPOINTMENT)
        return sorted(each.fact.kind for each in visit.facts.values()) if visit else []


DAY: dict[str, list[dict[str, Any]]] = {
    f"geofence {GEOFENCE}": [event(at=at(9)), event("exit", at=at(10))],
    f"visits {DEVICE}": [
        event(at=at(9), marker_id="as a visit it has another name"),
        event("exit", at=at(10), marker_id="as a visit it has another name"),
    ],
    f"geotags {DEVICE}": [
        geotag("CLOCK_IN", at=at(8), geofence_id=""),
        geotag("CHECK_OUT", at=at(9, 55)),
    ],
}


def test_everything_of_a_silent_day_is_recovered_once() -> None:
    record = Record()
    record.hypertrack.recorded = DAY

    assert record.recover() == 4

    assert record.take() == [Outcome.APPLIED] * 4
    assert record.kinds == ["arrived", "checked out", "left"]
    assert [row.recovered for row in record.ledger.rows] == [True] * 4
    assert record.state.read(Day, CONNECTION, RESOURCE, "2026-03-04")


def test_what_is_known_is_not_sent_again() -> None:
    record = Record()
    record.hypertrack.recorded = DAY
    record.recover()
    record.take()

    assert record.recover() == 0
    assert record.events.messages == []


def test_what_a_webhook_told_is_not_sent_again_though_the_record_names_it_otherwise() -> None:
    record = Record()
    for told in (event(at=at(9)), event("exit", at=at(10))):
        reports.take(report(told), record.desk)
    record.hypertrack.recorded = {f"visits {DEVICE}": DAY[f"visits {DEVICE}"]}

    assert record.recover() == 0


def test_who_is_killed_after_sending_sends_the_same_again() -> None:
    record = Record()
    record.hypertrack.recorded = DAY
    asked = Recover(connection=CONNECTION, resource=RESOURCE, since=MORNING, until=record.now)
    for _ in range(2):
        recovering.recover(asked, record.ground)
        record.now += timedelta(minutes=6)

    assert len(record.events.messages) == 8
    assert len(record.events.queued) == 4


@pytest.mark.parametrize("shown", ["123", "124"])
def test_a_record_with_fewer_digits_tells_the_same_cut_or_rounded(shown: str) -> None:
    record = Record()
    exact = at(9).replace(microsecond=123_600)
    reports.take(report(event(at=exact)), record.desk)
    coarse = exact.replace(microsecond=int(shown) * 1000)
    named = event(at=coarse, marker_id="as a visit it has another name")
    record.hypertrack.recorded = {f"visits {DEVICE}": [named]}

    assert record.recover() == 0


def test_a_webhook_that_comes_after_all_is_a_duplicate() -> None:
    record = Record()
    record.hypertrack.recorded = {f"visits {DEVICE}": DAY[f"visits {DEVICE}"]}
    record.recover()
    record.take()

    assert reports.take(report(event(at=at(9))), record.desk) is Outcome.DUPLICATE
    assert record.kinds == ["arrived", "left"]


def test_only_what_was_recorded_since_then_is_asked_for() -> None:
    record = Record()
    record.hypertrack.recorded = DAY

    assert record.recover(since=at(9, 30)) == 2
    assert record.take() == [Outcome.APPLIED] * 2
    assert record.kinds == ["checked out", "left"]


def test_estimates_and_outages_of_hours_ago_are_not_worth_it() -> None:
    record = Record()
    handle = f"{APPOINTMENT}-{RESOURCE}"
    told = event(at=at(9)) | {"type": "order", "version": "3.0.0"}
    record.hypertrack.recorded = {
        f"order {handle}": [
            told
            | {"data": {"value": value, "order_handle": handle, "status": "ongoing"} | more}
            for value, more in (
                ("first_eta", {"remaining_duration": 60, "remaining_distance": 100}),
                ("updated", {}),
                ("arrived", {"arrival": {"recorded_at": at(9).isoformat()}}),
            )
        ]
    }

    assert record.recover() == 1

    [queued] = record.events.messages
    sent = Report.model_validate_json(queued.body)
    assert sent.recovered
    assert sent.event["data"]["value"] == "arrived"


def test_nothing_is_sent_for_a_connection_that_has_ended() -> None:
    record = Record()
    record.hypertrack.recorded = DAY
    record.connection = connection(state="ended")

    assert record.recover() == 0


@pytest.mark.parametrize("effect", ["geofence", "visits", "geotags", "orders of", "put Report"])
def test_a_failure_sends_nothing_by_halves_and_the_message_comes_again(effect: str) -> None:
    record = Record()
    record.hypertrack.recorded = DAY
    record.fate.fail(effect, Unavailable("down"), times=1)

    with pytest.raises(Unavailable):
        record.recover()

    assert record.events.messages == []
    assert record.recover() == 4


# ── when ──────────────────────────────────────────────────────────────────────


def test_every_night_the_record_of_everybody_with_a_phone_is_compared() -> None:
    record = Record()
    record.state.write_all([worker(resource="0Hn000000000009CAA")])  # without a phone
    night = NOON.date()

    count = recovering.start(
        night, [record.connection], state=record.state, changes=record.changes
    )

    assert count == 1
    [queued] = record.changes.messages
    asked = Recover.model_validate_json(queued.body)
    assert (asked.resource, asked.until) == (RESOURCE, at(2, 17))
    assert asked.since == at(2, 17) - timedelta(days=2)
    assert queued.group == f"{CONNECTION}-{RESOURCE}"


def test_a_night_that_is_begun_again_goes_on_where_it_stopped() -> None:
    record = Record()
    record.fate.fail("write Heard", Unavailable("throttled"), times=1)
    for _ in range(3):
        with suppress(Unavailable):
            recovering.start(
                NOON.date(), [record.connection], state=record.state, changes=record.changes
            )

    assert len(record.changes.queued) == 1
    assert len(record.changes.messages) == 2  # again for the one that was not noted


def test_what_a_phone_told_after_a_night_offline_is_reached_by_the_next() -> None:
    record = Record()
    record.state.write(Heard(connection=CONNECTION, at=NOON, compared_at=at(2, 17)))
    tomorrow = (NOON + timedelta(days=1)).date()

    recovering.start(tomorrow, [record.connection], state=record.state, changes=record.changes)

    [queued] = record.changes.messages
    evening = at(17) - timedelta(days=1)  # known to HyperTrack this morning, and never told
    assert Recover.model_validate_json(queued.body).since <= evening


def test_a_night_that_was_left_out_is_made_up_for() -> None:
    record = Record()
    compared = at(2, 17) - timedelta(days=5)
    record.state.write(Heard(connection=CONNECTION, at=NOON, compared_at=compared))

    recovering.start(
        NOON.date(), [record.connection], state=record.state, changes=record.changes
    )

    [queued] = record.changes.messages
    assert Recover.model_validate_json(queued.body).since == compared - timedelta(days=1)


def listen(record: Record) -> int:
    return silence.listen(
        record.connection, state=record.state, changes=record.changes, now=record.now
    )


@pytest.mark.parametrize(
    ("heard", "starts", "ends", "expected"),
    [
        (59, -30, 60, 0),  # not silent for long enough
        (60, -30, 60, 1),
        (60, 60, 120, 1),  # on the way to it
        (60, 61, 120, 0),  # nobody is at work yet
        (60, -120, -1, 0),  # nobody is at work any more
    ],
)
def test_silence_is_an_hour_without_a_word_while_somebody_is_at_work(
    heard: int, starts: int, ends: int, expected: int
) -> None:
    record = Record()
    minutes = [timedelta(minutes=each) for each in (heard, starts, ends)]
    record.state.write(Heard(connection=CONNECTION, at=record.now - minutes[0]))
    record.state.write_all(
        [appointment(starts_at=record.now + minutes[1], ends_at=record.now + minutes[2])]
    )

    assert listen(record) == expected
    assert len(record.changes.messages) == expected


def test_a_silent_connection_is_asked_for_once_an_hour_and_from_the_last_word_on() -> None:
    record = Record()
    last = record.now - timedelta(minutes=90)
    record.state.write(Heard(connection=CONNECTION, at=last))
    record.state.write_all(
        [appointment(starts_at=last, ends_at=record.now + timedelta(hours=9))]
    )

    counts = []
    for _ in range(25):
        counts.append(listen(record))
        record.now += timedelta(minutes=5)

    assert [number for number, count in enumerate(counts) if count] == [6, 18]
    asked = [Recover.model_validate_json(each.body) for each in record.changes.messages]
    assert {each.since for each in asked} == {last - timedelta(minutes=10)}


def test_who_was_silent_for_weeks_is_asked_only_for_what_no_night_has_compared() -> None:
    record = Record()
    last = record.now - timedelta(days=30)
    record.state.write(Heard(connection=CONNECTION, at=last))
    record.state.write_all([appointment(starts_at=last, ends_at=record.now)])

    assert listen(record) == 1

    [queued] = record.changes.messages
    asked = Recover.model_validate_json(queued.body)
    assert record.now - asked.since <= timedelta(days=2)


def test_what_hypertrack_refuses_in_a_silence_is_left_to_the_night() -> None:
    record = Record()
    record.hypertrack.recorded = DAY
    record.fate.fail("geotags", Refused("401", code="401"), times=2)

    assert record.recover(nightly=False) == 0
    with pytest.raises(Refused):
        record.recover()


@pytest.mark.parametrize(
    "changed", [{"category": Category.COMPLETED}, {"deleted": True}, {"starts_at": None}]
)
def test_nobody_is_at_work_that_is_over_or_gone(changed: dict[str, Any]) -> None:
    record = Record()
    record.now = NOON + timedelta(minutes=30)
    record.state.write(Heard(connection=CONNECTION, at=record.now - timedelta(hours=3)))
    assert listen(record) == 1

    record.now += timedelta(hours=1)
    record.state.write_all([appointment(**changed)])

    assert listen(record) == 0


def test_a_connection_that_was_never_heard_is_given_an_hour() -> None:
    record = Record()
    record.now = NOON

    assert listen(record) == 0
    assert record.state.read(Heard, CONNECTION) == Heard(
        connection=CONNECTION, at=NOON, version=1
    )


def test_what_is_recovered_is_no_estimate() -> None:
    assert not (recovering.OF_WORK | recovering.OF_THE_DAY) & {
        Kind.EXPECTED,
        Kind.DELAYED,
        Kind.POSITION,
        Kind.OUTAGE_BEGAN,
        Kind.BATTERY_LOW,
    }

"""Messages outlive a deployment: what the version before has sent is read by this one.

The texts stand here as that version wrote them, letter by letter. Whoever changes what is sent
leaves the old text in EARLIER, so that it is read for as long as it may lie in a queue or with
what is parked, and puts the new one into SENT.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.commands import (
    invite_message,
    poll_message,
    recover_message,
    report_message,
    sync_message,
)
from fieldlink.hearing import unpacking, webhooks
from fieldlink.models import Invite, Outcome, Poll, Recover, Report, Sync
from fieldlink.parking import Attempt, parked
from fieldlink.records import Held, Parked
from fieldlink.writing import reports
from functions import sync_tracking
from tests.fakes import NOON, FakeState
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    CONNECTION,
    DEVICE,
    RESOURCE,
    World,
    event,
    geofence,
)

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = (
    '{"account_id":"0f6d2c1e-5b7a-4c3d-9e8f-1a2b3c4d5e6f",'
    '"created_at":"2026-03-04T09:00:02+00:00","recorded_at":"2026-03-04T09:00:00+00:00",'
    '"device_id":"A1B2C3D4-0001-4AAA-8BBB-000000000001","type":"geofence","version":"2.0.0",'
    '"data":{"value":"entry","arrival":{"recorded_at":"2026-03-04T09:00:00+00:00"},'
    '"exit":null,"marker_id":"marker-2026-03-04T09:00:00+00:00",'
    '"geofence_id":"3a0f6f0e-5c1b-4f27-9d52-7e6c5b4a3210",'
    '"geofence_metadata":{"service_appointment_id":"08p000000000001AAA",'
    '"service_resource_id":"0Hn000000000001CAA"},'
    '"route_to":{"distance":1234,"duration":930,"idle_time":12}}}'
)
SENT = {
    "Polls": ('{"connection":"connection-for-tests-0123456789","full":true,"nudged":false}'),
    "Changes, to look": (
        '{"connection":"connection-for-tests-0123456789","resource":"0Hn000000000001CAA",'
        '"assignments":[["08p000000000001AAA","03r000000000001AAA"]],'
        '"due":"2026-03-04T12:00:00Z"}'
    ),
    "Changes, to recover": (
        '{"connection":"connection-for-tests-0123456789","resource":"0Hn000000000001CAA",'
        '"since":"2026-03-03T12:00:00Z","until":"2026-03-04T12:00:00Z","nightly":false}'
    ),
    "Invites": (
        '{"connection":"connection-for-tests-0123456789","resource":"0Hn000000000001CAA",'
        '"despite":"2026-03-04T12:00:00Z"}'
    ),
    "Events, from the door": (
        '{"connection":"connection-for-tests-0123456789",'
        '"id":"b890bbb679a49d4e2359011491ad1d326a263680cd0aea39bf4378ccc28d146a",'
        f'"received_at":"2026-03-04T12:00:00+00:00","event":{EVENT}}}'
    ),
    "Events, of a delivery that is kept whole": (
        '{"connection":"connection-for-tests-0123456789",'
        '"id":"2b016e476a6a3e0ba3475dbfbb1e2ba0c54bb44d7fd6bdf1a49fb6d5d8a13e3d",'
        '"received_at":"2026-03-04T12:00:00+00:00",'
        '"spooled":"whole/connection-for-tests-0123456789/abc","first":5000}'
    ),
    "Events, from HyperTrack's record": (
        '{"connection":"connection-for-tests-0123456789","id":"id-1",'
        f'"received_at":"2026-03-04T12:00:00Z","event":{EVENT},'
        '"recovered":true,"unreadable":"","spooled":"","first":0,"own":false}'
    ),
}
EARLIER: dict[str, tuple[str, ...]] = {
    "Polls": ('{"connection":"connection-for-tests-0123456789"}',),
    "Events, from HyperTrack's record": (
        '{"connection":"connection-for-tests-0123456789","id":"id-1",'
        f'"received_at":"2026-03-04T12:00:00Z","event":{EVENT},'
        '"recovered":true,"unreadable":"","spooled":"","first":0}',
    ),
}
READ_AS: dict[str, Callable[[str], Any]] = {
    "Polls": Poll.model_validate_json,
    "Changes, to look": sync_tracking._order,
    "Changes, to recover": sync_tracking._order,
    "Invites": Invite.model_validate_json,
    "Events, from the door": lambda body: Report.model_validate(json.loads(body)),
    "Events, of a delivery that is kept whole": Report.model_validate_json,
    "Events, from HyperTrack's record": Report.model_validate_json,
}
SYNC = Sync(
    connection=CONNECTION,
    resource=RESOURCE,
    assignments=((APPOINTMENT, ASSIGNMENT),),
    due=NOON,
)
RECOVER = Recover(
    connection=CONNECTION,
    resource=RESOURCE,
    since=NOON - timedelta(days=1),
    until=NOON,
    nightly=False,
)
RECOVERED = Report(
    connection=CONNECTION, id="id-1", received_at=NOON, event=event(), recovered=True
)
HELD = (
    '{"connection":"connection-for-tests-0123456789",'
    '"id":"2026-03-04T12:00:00.000000-30274a6e139ff318d4dc1241","queue":"events",'
    '"body":"{\\"connection\\":\\"x\\"}","group":"group","at":"2026-03-04T12:00:00Z"}'
)
PARKED = (
    '{"connection":"connection-for-tests-0123456789","id":"events-81403485d7ada6dda3cedf14",'
    '"queue":"events","body":"{\\"connection\\":\\"x\\"}","group":"group",'
    '"cause":"cause: why","at":"2026-03-04T12:00:00Z"}'
)


def test_this_version_sends_what_stands_here() -> None:
    """If this fails, what was sent so far belongs into EARLIER; see above."""
    received_at = NOON.isoformat()

    sent = {
        "Polls": poll_message(Poll(connection=CONNECTION, full=True), "slot").body,
        "Changes, to look": sync_message(SYNC, "cause").body,
        "Changes, to recover": recover_message(RECOVER).body,
        "Invites": invite_message(
            Invite(connection=CONNECTION, resource=RESOURCE, despite=NOON), "cause"
        ).body,
        "Events, from the door": webhooks.message(
            event(), connection=CONNECTION, received_at=received_at
        ).body,
        "Events, of a delivery that is kept whole": webhooks.rest(
            CONNECTION, received_at, f"whole/{CONNECTION}/abc", 5_000
        ).body,
        "Events, from HyperTrack's record": report_message(RECOVERED).body,
    }

    assert sent == SENT


@pytest.mark.parametrize("queue", SENT)
def test_what_was_sent_before_is_read_with_all_that_it_says(queue: str) -> None:
    for body in (SENT[queue], *EARLIER.get(queue, ())):
        read = READ_AS[queue](body)

        told = read.model_dump(mode="json")
        for name, value in json.loads(body).items():
            assert told[name] == value or datetime.fromisoformat(told[name]) == (
                datetime.fromisoformat(value)
            )


def test_what_a_message_asks_for_is_what_was_meant() -> None:
    assert READ_AS["Changes, to look"](SENT["Changes, to look"]) == SYNC
    assert READ_AS["Changes, to recover"](SENT["Changes, to recover"]) == RECOVER
    recovered = "Events, from HyperTrack's record"
    for body in (SENT[recovered], *EARLIER[recovered]):
        assert READ_AS[recovered](body) == RECOVERED
    assert READ_AS["Polls"](EARLIER["Polls"][0]) == Poll(connection=CONNECTION)
    rest = Report.model_validate_json(SENT["Events, of a delivery that is kept whole"])
    assert unpacking.holds_many(rest)
    assert rest.first == 5_000


def test_an_event_that_was_queued_before_is_written_once_whoever_queues_it_again() -> None:
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE
    world.state.write_all([geofence()])
    queued = Report.model_validate(json.loads(SENT["Events, from the door"]))
    now = webhooks.message(
        event(), connection=CONNECTION, received_at=(NOON + timedelta(hours=1)).isoformat()
    )

    first = reports.take(queued, world.desk)
    again = reports.take(Report.model_validate(json.loads(now.body)), world.desk)

    assert (first, again) == (Outcome.APPLIED, Outcome.DUPLICATE)
    assert len(world.salesforce.events) == 1


def test_what_was_held_and_parked_before_goes_on() -> None:
    held, item = Held.model_validate_json(HELD), Parked.model_validate_json(PARKED)
    state = FakeState()
    state.write_all([held, item])

    assert state.read(Held, CONNECTION, held.id) == held.model_copy(update={"version": 1})
    assert (held.queue, held.body, held.group) == ("events", '{"connection":"x"}', "group")
    message = Attempt(CONNECTION, "events", '{"connection":"x"}', "group", 1)
    # The same message is the same item, so what is parked anew replaces it.
    assert parked(message, item.cause, now=NOON) == item

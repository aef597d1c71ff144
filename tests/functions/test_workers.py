"""Each worker end to end in this process: moto's tables and queues, both simulated vendors."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, Poll
from fieldlink.records import (
    Access,
    Capabilities,
    Connection,
    Parked,
    Resource,
    Tokens,
    Watermark,
    Worker,
)
from fieldlink.wiring import Services
from functions import (
    poll_salesforce,
    receive_webhook,
    send_invite,
    start_polls,
    sync_tracking,
    update_salesforce,
)
from local.hypertrack import FakeHyperTrack, Phone
from local.salesforce import FakeSalesforce
from tests.adapters.scripted import Answer, scripted
from tests.conftest import ROSA, ROSAS_MAIL, SENDER, SITE, Pretended
from tests.functions.calls import CONTEXT, batch, delivery
from tests.functions.conftest import Job

TICK = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-03-04T09:03:59Z",
    "detail": {},
}


def polled(connection: Connection) -> None:
    answer = poll_salesforce.lambda_handler(
        batch({"connection": connection.connection}), CONTEXT
    )
    assert answer == {"batchItemFailures": []}


def passed_on(aws: Pretended, url: str, door: Any) -> dict[str, Any]:
    """What lies in a queue goes through its worker."""
    bodies = aws.queued(url)
    assert bodies
    answer: dict[str, Any] = door.lambda_handler(batch(*bodies), CONTEXT)
    return answer


def told(aws: Pretended, bundle: Services, connection: Connection, *events: Any) -> None:
    """HyperTrack reports; the door and the worker take it."""
    body = json.dumps(list(events)).encode()
    event = delivery(connection.connection, body)
    assert receive_webhook.lambda_handler(event, CONTEXT)["statusCode"] == 200
    answer = passed_on(aws, bundle.settings.events_queue_url, update_salesforce)
    assert answer == {"batchItemFailures": []}


def outcomes(bundle: Services, connection: Connection) -> list[str]:
    rows = bundle.ledger.last(connection.connection, now=datetime.now(UTC), limit=30)
    return sorted(str(row.outcome) for row in rows)


def fenced(
    aws: Pretended, bundle: Services, connection: Connection, hypertrack: FakeHyperTrack
) -> Phone:
    """Polled, invited, installed: Rosa's job has its geofence."""
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    polled(connection)
    passed_on(aws, bundle.settings.invites_queue_url, send_invite)
    [invite] = hypertrack.invites
    phone = hypertrack.install(invite.link)
    passed_on(aws, bundle.settings.changes_queue_url, sync_tracking)
    return phone


def crossing(job: Job, kind: str, at: datetime, marker: str = "m") -> dict[str, Any]:
    recorded = at.isoformat()
    return {
        "type": "geofence",
        "device_id": "D1",
        "recorded_at": recorded,
        "data": {
            "value": kind,
            "marker_id": marker,
            "geofence_id": "g",
            "geofence_metadata": {APPOINTMENT_KEY: job.appointment, RESOURCE_KEY: job.rosa},
            "arrival": {
                "recorded_at": job.starts_at.isoformat(),
                "location": {"coordinates": [SITE[1], SITE[0]]},
            },
            "exit": {"recorded_at": recorded} if kind == "exit" else None,
            "route_to": {"distance": 12_000, "duration": 1_530, "idle_time": 120},
        },
    }


# ── polls ──────────────────────────────────────────────────────────────────────


def test_a_tick_asks_for_one_poll_of_each_connection(
    aws: Pretended, bundle: Services, connection: Connection
) -> None:
    assert start_polls.lambda_handler(TICK, CONTEXT) == {"started": 1, "woken": 0}

    [body] = aws.queued(bundle.settings.polls_queue_url)
    assert Poll.model_validate_json(body) == Poll(connection=connection.connection)


@pytest.mark.parametrize("state", ["new", "incomplete", "lost", "ended"])
def test_a_connection_that_does_not_stand_is_not_polled(
    aws: Pretended, bundle: Services, connection: Connection, state: str
) -> None:
    bundle.state.write(connection.model_copy(update={"state": state}))

    assert start_polls.lambda_handler(TICK, CONTEXT) == {"started": 0, "woken": 0}
    assert aws.queued(bundle.settings.polls_queue_url) == []


def test_a_poll_hands_on_the_resource_and_its_assignment(
    aws: Pretended, bundle: Services, connection: Connection, job: Job
) -> None:
    polled(connection)

    [sync] = [json.loads(body) for body in aws.queued(bundle.settings.changes_queue_url)]
    [invite] = [json.loads(body) for body in aws.queued(bundle.settings.invites_queue_url)]
    assert (sync["resource"], sync["assignments"]) == (
        job.rosa,
        [[job.appointment, job.assignment]],
    )
    assert invite["resource"] == job.rosa
    assert bundle.state.read(Watermark, connection.connection)


def test_a_second_poll_of_the_same_hands_on_nothing(
    aws: Pretended, bundle: Services, connection: Connection, job: Job
) -> None:
    assert job
    polled(connection)
    aws.queued(bundle.settings.changes_queue_url)
    aws.queued(bundle.settings.invites_queue_url)

    polled(connection)

    assert aws.queued(bundle.settings.changes_queue_url) == []
    assert aws.queued(bundle.settings.invites_queue_url) == []


def test_an_expired_token_is_renewed_and_the_new_refresh_token_kept(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce, job: Job
) -> None:
    salesforce.expire_access_tokens()

    polled(connection)

    [approval] = salesforce.oauth.approvals
    access = bundle.state.read(Access, connection.connection)
    assert access
    opened = bundle.vault.open(access.tokens, connection=connection.connection)
    assert Tokens.model_validate_json(opened).refresh_token == approval.refresh_token
    assert approval.spent
    assert bundle.state.read(Resource, connection.connection, job.rosa)


def test_a_connection_whose_access_was_revoked_is_lost_and_says_why(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    salesforce.revoke_all()

    polled(connection)

    found = bundle.state.read(Connection, connection.connection)
    assert found
    assert found.state == "lost"
    assert "revoked" in found.problem


def test_a_full_look_asks_anew_what_we_may_read_and_write(
    bundle: Services, connection: Connection, job: Job
) -> None:
    assert job

    polled(connection)

    known = bundle.state.read(Capabilities, connection.connection)
    assert known
    assert known.statuses
    assert known.lacking == {}


def test_a_look_is_good_though_what_we_may_do_can_not_be_asked(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce, job: Job
) -> None:
    down = {"match": {"contains": "/describe"}, "status": 503, "body": "", "times": None}
    salesforce.faults.append(down)

    polled(connection)

    assert bundle.state.read(Resource, connection.connection, job.rosa)
    assert bundle.state.read(Watermark, connection.connection)
    assert bundle.state.read(Capabilities, connection.connection) is None


def test_an_org_that_is_down_moves_no_watermark(
    aws: Pretended, bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    salesforce.faults.append({"status": 503, "body": "<html>"})

    polled(connection)

    assert bundle.state.read(Watermark, connection.connection) is None
    assert aws.queued(bundle.settings.changes_queue_url) == []


# ── invitations and geofences ──────────────────────────────────────────────────


def test_a_resource_gets_its_worker_and_one_mail_however_often_it_is_asked_for(
    aws: Pretended, bundle: Services, connection: Connection, hypertrack: FakeHyperTrack,
    job: Job,
) -> None:  # fmt: skip
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    polled(connection)
    bodies = aws.queued(bundle.settings.invites_queue_url)

    for _ in range(2):
        send_invite.lambda_handler(batch(*bodies, *bodies), CONTEXT)

    [worker] = hypertrack.workers(connection.hypertrack_account)
    assert (worker.worker_handle, worker.name) == (job.rosa, ROSA)
    assert len(hypertrack.invites) == 1
    kept = bundle.state.read(Worker, connection.connection, job.rosa)
    assert kept
    assert kept.invitation
    assert kept.invitation.state == "sent"


def test_a_mail_that_ses_refuses_is_parked_with_its_words(
    aws: Pretended, bundle: Services, connection: Connection, job: Job
) -> None:
    polled(connection)
    passed_on(aws, bundle.settings.invites_queue_url, send_invite)

    [item] = bundle.state.all_of(Parked, connection.connection)
    assert item.queue == "invites"
    kept = bundle.state.read(Worker, connection.connection, job.rosa)
    assert kept is None or kept.invitation is None


def test_work_is_fenced_for_the_resource_s_own_device(
    aws: Pretended, bundle: Services, connection: Connection, hypertrack: FakeHyperTrack,
    job: Job,
) -> None:  # fmt: skip
    phone = fenced(aws, bundle, connection, hypertrack)

    [fence] = hypertrack.geofences()
    assert fence.device_id == phone.device_id
    assert fence.geometry["coordinates"] == pytest.approx([SITE[1], SITE[0]])
    assert fence.metadata[APPOINTMENT_KEY] == job.appointment
    assert fence.metadata[RESOURCE_KEY] == job.rosa


def test_work_that_is_taken_away_loses_its_geofence(
    aws: Pretended,
    bundle: Services,
    connection: Connection,
    hypertrack: FakeHyperTrack,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    fenced(aws, bundle, connection, hypertrack)
    salesforce.delete("AssignedResource", job.assignment)

    polled(connection)
    passed_on(aws, bundle.settings.changes_queue_url, sync_tracking)

    assert hypertrack.geofences() == []


# ── what HyperTrack reports ────────────────────────────────────────────────────


def test_a_visit_is_written_to_the_appointment(
    aws: Pretended,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    left = job.starts_at + timedelta(minutes=42)

    told(aws, bundle, connection, crossing(job, "entry", job.starts_at))
    told(aws, bundle, connection, crossing(job, "exit", left))

    work = salesforce.row("ServiceAppointment", job.appointment)
    assert work["Status"] == "In Progress"
    assert work["ActualStartTime"].startswith(f"{job.starts_at:%Y-%m-%dT%H:%M}:00")
    assert work["ActualEndTime"].startswith(f"{left:%Y-%m-%dT%H:%M}:00")
    subjects = sorted(row["Subject"] for row in salesforce.rows("Event"))
    assert subjects == [f"Arrived: {ROSA}", f"Left: {ROSA}"]
    travel = salesforce.row("AssignedResource", job.assignment)["ActualTravelTime"]
    assert travel == pytest.approx(23.5)  # 25.5 minutes, of which 2 were idle
    assert outcomes(bundle, connection) == ["applied", "applied"]


def test_a_delivery_that_comes_twice_writes_once(
    aws: Pretended,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    arrival = crossing(job, "entry", job.starts_at)
    told(aws, bundle, connection, arrival)
    before = len(salesforce.writes)

    told(aws, bundle, connection, arrival | {"created_at": job.starts_at.isoformat()})

    assert len(salesforce.rows("Event")) == 1
    assert len(salesforce.writes) == before
    assert outcomes(bundle, connection) == ["applied", "duplicate"]


def test_what_salesforce_refuses_is_parked_in_its_words_and_the_next_goes_through(
    aws: Pretended,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    salesforce.refuse.append(
        {
            "object": "ServiceAppointment",
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "Call the customer first.",
        }
    )
    told(aws, bundle, connection, crossing(job, "entry", job.starts_at))
    [item] = bundle.state.all_of(Parked, connection.connection)
    assert "Call the customer first." in item.cause

    salesforce.refuse.clear()
    told(aws, bundle, connection, crossing(job, "exit", job.starts_at + timedelta(hours=1)))

    assert [row["Subject"] for row in salesforce.rows("Event")] == [f"Left: {ROSA}"]
    assert outcomes(bundle, connection) == ["applied", "parked"]


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "event",
    [
        None,
        7,
        {},
        {"type": "no such type", "device_id": None, "data": {"a": "\ud83d"}},
        {"type": "geotag", "device_id": "D1", "recorded_at": "2026-03-04T09:00:00Z",
         "data": {"metadata": {"type": "CLOCK_IN", "visit_note": "cut off \ud83d"}}},
        {"type": "geofence", "recorded_at": "yesterday"},
        {"type": "geofence", "device_id": 7, "data": "text"},
        {"type": "unknown", "data": {"deep": deep(400)}},
        {"type": "unknown", "data": {"large": 10**300, "vast": 1e308}},
    ],
    ids=lambda event: repr(event)[:40],
)  # fmt: skip
def test_whatever_was_signed_ends_in_one_ledger_row(
    aws: Pretended, bundle: Services, connection: Connection, event: Any
) -> None:
    told(aws, bundle, connection, event)

    assert len(outcomes(bundle, connection)) == 1


def test_a_mail_address_is_in_the_state_and_in_no_ledger(
    aws: Pretended, bundle: Services, connection: Connection, job: Job
) -> None:
    polled(connection)
    told(aws, bundle, connection, crossing(job, "entry", job.starts_at))

    ledger = json.dumps(aws.client("dynamodb").scan(TableName="Ledger"))
    assert ROSAS_MAIL not in ledger
    assert str(SITE[0]) not in ledger


def test_a_cookie_that_one_org_has_set_is_shown_to_none(bundle: Services) -> None:
    setting = Answer(body={"ok": True}, headers={"set-cookie": "BrowserId=of-somebody; path=/"})
    with scripted(setting) as org:
        for _ in range(2):
            bundle._http.get(org.url, timeout=5)

    assert [asked.headers.get("cookie") for asked in org.asked] == [None, None]

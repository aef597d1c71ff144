"""While an org can't be called its facts wait, everything else goes on, and nothing is lost."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldlink import alarms
from fieldlink.connecting import holding, renewing
from fieldlink.connecting.gate import Doorkeeper
from fieldlink.errors import Unavailable
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY
from fieldlink.records import Access, Connection, Device, Gate, Held, Listed, Parked, Watermark
from fieldlink.wiring import Services
from functions import poll_salesforce, receive_webhook, start_polls, update_salesforce
from local.salesforce import FakeSalesforce
from tests import make
from tests.adapters.scripted import nobody
from tests.conftest import SITE, Pretended
from tests.fakes import FakeState
from tests.functions.calls import CONTEXT, Context, batch, delivery
from tests.functions.conftest import Job

DOWN = {"status": 503, "body": "<html>Down for maintenance</html>", "times": None}
WRITING = {"method": "POST", "path": "composite", "contains": "sobjects/Event"}
TICK = {"time": "2026-03-04T09:03:59Z"}


class Desk:
    """Reports come in, the worker takes them, and the poller looks."""

    def __init__(self, aws: Pretended, bundle: Services, connection: Connection) -> None:
        self.aws = aws
        self.bundle = bundle
        self.connection = connection
        self.urls = bundle.settings.events_queue_url, bundle.settings.bursts_queue_url

    def report(self, *events: Any, of: str = "") -> None:
        body = json.dumps(list(events)).encode()
        event = delivery(of or self.connection.connection, body)
        assert receive_webhook.lambda_handler(event, CONTEXT)["statusCode"] == 200

    def work(self, rounds: int = 20) -> int:
        """The worker takes what is queued, again and again; returns how often it did."""
        for number in range(rounds):
            taken = [self._take_once(url) for url in self.urls]
            if not any(taken):
                return number
        return rounds

    def _take_once(self, url: str) -> bool:
        """Not ten, so that the worker takes no more by itself."""
        sqs = self.aws.client("sqs")
        wanted = {"QueueUrl": url, "MaxNumberOfMessages": 9, "AttributeNames": ["All"]}
        found = sqs.receive_message(**wanted).get("Messages", [])
        if not found:
            return False
        records = [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
                "eventSourceARN": f"arn:aws:sqs:eu-central-1:1:{url.rpartition('/')[2]}",
            }
            for each in found
        ]
        answer = update_salesforce.lambda_handler({"Records": records}, CONTEXT)
        again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for each in found:
            receipt = {"QueueUrl": url, "ReceiptHandle": each["ReceiptHandle"]}
            if each["MessageId"] in again:  # its wait is over at once
                sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
            else:
                sqs.delete_message(**receipt)
        return True

    def poll(self, context: Context = CONTEXT) -> None:
        asked = {"connection": self.connection.connection}
        poll_salesforce.lambda_handler(batch(asked), context)

    @property
    def gate(self) -> Gate:
        found = self.bundle.state.read(Gate, self.connection.connection)
        return found or Gate(connection=self.connection.connection)

    @property
    def held(self) -> int:
        return len(self.bundle.state.all_of(Held, self.connection.connection))

    @property
    def outcomes(self) -> list[str]:
        name, now = self.connection.connection, datetime.now(UTC)
        rows = self.bundle.ledger.last(name, now=now, limit=100)
        return sorted(f"{row.kind} {row.outcome}".strip() for row in rows)

    def probe_is_due(self) -> None:
        """Half a minute passes."""
        earlier = datetime.now(UTC) - timedelta(seconds=31)
        assert self.bundle.state.write(self.gate.model_copy(update={"probed_at": earlier}))

    def reconnect(self, access: Access) -> None:
        """As the console leaves it, with the access that it got."""
        name, state = self.connection.connection, self.bundle.state
        stored, before = state.read(Connection, name), state.read(Access, name)
        assert stored
        version = before.version if before else 0
        assert state.write(access.model_copy(update={"version": version}))
        connected = {"state": "connected", "problem": "", "end": "", "told": False}
        assert state.write(stored.model_copy(update=connected))


@pytest.fixture
def desk(aws: Pretended, bundle: Services, connection: Connection, job: Job) -> Desk:
    assert job
    desk = Desk(aws, bundle, connection)
    desk.poll()
    return desk


def arrival(job: Job, number: int = 0, device: str = "") -> dict[str, Any]:
    """Of one visit more each time."""
    at = (job.starts_at + timedelta(minutes=number)).isoformat()
    return {
        "type": "geofence",
        "device_id": device or f"D{number}",
        "recorded_at": at,
        "data": {
            "value": "entry",
            "marker_id": f"m{number}",
            "geofence_id": "g",
            "geofence_metadata": {APPOINTMENT_KEY: job.appointment, RESOURCE_KEY: job.rosa},
            "arrival": {"recorded_at": at, "location": {"coordinates": [SITE[1], SITE[0]]}},
            "exit": None,
            "route_to": None,
        },
    }


def clock_in(job: Job) -> dict[str, Any]:
    return {
        "type": "geotag",
        "device_id": "D0",
        "recorded_at": job.starts_at.isoformat(),
        "data": {"metadata": {"type": "CLOCK_IN", RESOURCE_KEY: job.rosa}},
    }


def lines(logged: Callable[[], str], message: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in logged().splitlines() if line.startswith("{")]
    return [line for line in found if line.get("message") == message]


# ── down ───────────────────────────────────────────────────────────────────────


def test_an_org_that_is_down_is_left_alone_and_what_waits_is_written_once_it_is_back(
    desk: Desk, salesforce: FakeSalesforce, job: Job, logged: Callable[[], str]
) -> None:
    salesforce.faults.append(dict(DOWN))
    before = len(salesforce.requests)
    for number in range(12):
        desk.report(arrival(job, number))

    desk.work()

    assert len(salesforce.requests) - before <= 10
    assert desk.held == 12
    assert desk.bundle.state.all_of(Parked, desk.connection.connection) == []
    asked = len(salesforce.requests)
    desk.poll()
    desk.poll()
    assert len(salesforce.requests) == asked + 1
    assert [line["why"] for line in lines(logged, "salesforce paused")] == ["failures"]

    salesforce.faults.clear()
    desk.probe_is_due()
    desk.poll()
    desk.work()

    assert desk.held == 0
    assert desk.outcomes == ["arrived applied"] * 12
    assert len(salesforce.rows("Event")) == 12
    assert len(lines(logged, "salesforce resumed")) == 1


def test_what_needs_no_salesforce_goes_on_while_the_org_is_closed(
    desk: Desk, salesforce: FakeSalesforce, job: Job
) -> None:
    closed = {"opened_at": datetime.now(UTC), "failures": 5}
    assert desk.bundle.state.write(desk.gate.model_copy(update=closed))
    phone = Device(connection=desk.connection.connection, id="D0", resource=job.rosa)
    assert desk.bundle.state.write(phone)
    before = len(salesforce.requests)

    desk.report(
        clock_in(job), {"type": "unknown", "device_id": "D7"}, arrival(job), {"type": 7}
    )
    desk.work()

    assert len(salesforce.requests) == before
    assert desk.held == 1
    kinds = [outcome.rpartition(" ") for outcome in desk.outcomes]
    assert ("clocked in", " ", "applied") in kinds
    assert [outcome for _, _, outcome in kinds].count("ignored") == 2


def test_an_org_that_is_down_slows_no_other(
    desk: Desk, salesforce: FakeSalesforce, job: Job
) -> None:
    state, name = desk.bundle.state, "other-connection-of-the-tests_0123456789-abc"
    access = state.read(Access, desk.connection.connection)
    assert access
    opened = desk.bundle.vault.open(access.tokens, connection=desk.connection.connection)
    sealed = desk.bundle.vault.seal(opened, connection=name)
    for record in (
        desk.connection.model_copy(update={"connection": name, "version": 0, "org": "x"}),
        Access(connection=name, tokens=sealed, instance_url=nobody()),
    ):
        assert state.write(record)
    for number in range(12):
        desk.aws.client("sqs").send_message(
            QueueUrl=desk.urls[0],
            MessageBody=json.dumps(report(name, arrival(job, number))),
            MessageGroupId=f"group-{number}",
            MessageDeduplicationId=f"key-{number}",
        )

    desk.report(*(arrival(job, number) for number in range(3)))
    desk.work()

    assert len(state.all_of(Held, name)) == 12
    gate = state.read(Gate, name)
    assert gate
    assert gate.failures == 5
    assert desk.gate.opened_at is None
    assert len(salesforce.rows("Event")) == 3


def report(connection: str, event: dict[str, Any]) -> dict[str, Any]:
    """As the webhook door queues it."""
    return {
        "connection": connection,
        "id": f"id of {event['data']['marker_id']}",
        "received_at": datetime.now(UTC).isoformat(),
        "event": event,
    }


def test_a_look_that_finds_the_org_closed_is_paused_and_makes_no_call(
    desk: Desk, salesforce: FakeSalesforce, logged: Callable[[], str]
) -> None:
    now = datetime.now(UTC)
    closed = {"opened_at": now, "probed_at": now, "failures": 5}
    assert desk.bundle.state.write(desk.gate.model_copy(update=closed))
    before = len(salesforce.requests)

    desk.poll()

    assert len(salesforce.requests) == before
    assert lines(logged, "polled")[-1]["outcome"] == "paused"


# ── used up ────────────────────────────────────────────────────────────────────


def test_when_the_calls_are_used_up_writes_wait_and_go_on_with_the_first_look_after_the_reset(
    desk: Desk, salesforce: FakeSalesforce, job: Job, logged: Callable[[], str]
) -> None:
    salesforce.daily_limit = salesforce.api_calls
    desk.report(arrival(job, 0), arrival(job, 1))
    desk.work()
    assert desk.held == 2
    assert desk.gate.paused == "limit"

    desk.poll()
    assert lines(logged, "polled")[-1]["outcome"] == "paused"
    assert [line["why"] for line in lines(logged, "salesforce paused")] == ["limit"]

    salesforce.daily_limit = 100_000
    desk.poll()
    desk.work()

    assert len(lines(logged, "salesforce resumed")) == 1
    assert desk.outcomes == ["arrived applied"] * 2


def test_when_our_share_is_used_up_writes_wait_and_looks_go_on(
    desk: Desk, salesforce: FakeSalesforce, job: Job
) -> None:
    salesforce.daily_limit = 20_000  # of which 1,000 are ours
    desk.bundle.meter.add(desk.connection.connection, datetime.now(UTC), 960)
    desk.bundle.meter.flush()

    desk.poll()
    desk.report(arrival(job))
    desk.work()
    before = len(salesforce.requests)
    desk.poll()

    assert desk.gate.paused == "share"
    assert desk.held == 1
    assert len(salesforce.requests) == before + 1
    assert salesforce.rows("Event") == []


def test_an_idle_look_makes_one_call_and_writes_nothing(
    desk: Desk, salesforce: FakeSalesforce
) -> None:
    desk.poll()
    before = len(salesforce.requests), scanned(desk.aws)

    desk.poll()
    desk.poll()

    assert (len(salesforce.requests), scanned(desk.aws)) == (before[0] + 2, before[1])


def scanned(aws: Pretended) -> str:
    items = aws.client("dynamodb").scan(TableName="State")["Items"]
    return json.dumps(sorted(items, key=str), sort_keys=True)


def test_the_calls_of_workers_are_counted_though_one_of_them_fails(
    desk: Desk, salesforce: FakeSalesforce, job: Job
) -> None:
    name, now = desk.connection.connection, datetime.now(UTC)
    before = desk.bundle.meter.last_day(name, now)
    asked = len(salesforce.requests)
    salesforce.faults.append({"errorCode": "UNKNOWN_EXCEPTION", "times": 1})

    desk.report(arrival(job))
    desk.work()

    desk.bundle.meter.flush()
    counted = desk.bundle.meter.last_day(name, now) - before
    assert counted == len(salesforce.requests) - asked >= 3


# ── locked rows ────────────────────────────────────────────────────────────────


def test_rows_that_are_locked_one_time_in_five_are_written_within_six_tries_and_once(
    desk: Desk, salesforce: FakeSalesforce, job: Job
) -> None:
    locked = {"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}
    salesforce.faults.append(locked | {"match": WRITING, "every": 5, "times": None})
    for number in range(12):
        desk.report(arrival(job, number))

    assert desk.work(rounds=6) < 6

    assert desk.outcomes == ["arrived applied"] * 12
    assert len(salesforce.rows("Event")) == 12
    assert desk.gate.failures == 0


# ── lost ───────────────────────────────────────────────────────────────────────


def test_what_comes_while_the_connection_is_lost_is_written_after_it_is_connected_again(
    desk: Desk, salesforce: FakeSalesforce, job: Job, logged: Callable[[], str]
) -> None:
    access = desk.bundle.state.read(Access, desk.connection.connection)
    assert access
    salesforce.faults.append(
        {"errorCode": "ORG_LOCKED", "message": "locked", "status": 403, "times": None}
    )
    desk.report(arrival(job, 0))
    desk.work()
    asked = len(salesforce.requests)
    for number in range(1, 7):
        desk.report(arrival(job, number))
    desk.work()
    desk.poll()

    assert desk.held == 7
    assert len(salesforce.requests) == asked
    assert len(lines(logged, "connection lost")) == 1
    assert desk.outcomes == []

    salesforce.faults.clear()
    desk.reconnect(access)
    desk.poll()
    desk.work()

    assert desk.held == 0
    assert desk.outcomes == ["arrived applied"] * 7
    assert len(salesforce.rows("Event")) == 7


def test_a_lost_connection_of_which_nobody_lived_to_tell_is_told_with_the_next_tick(
    bundle: Services, connection: Connection, logged: Callable[[], str]
) -> None:
    lost = {"state": "lost", "end": "access revoked"}
    assert bundle.state.write(connection.model_copy(update=lost))
    bundle.state.write(Listed(connection="connection-that-is-gone"))

    start_polls.lambda_handler(TICK, CONTEXT)
    start_polls.lambda_handler(TICK, CONTEXT)

    [line] = lines(logged, "connection lost")
    assert (line["connection"], line["end"]) == (connection.connection, "access revoked")


def test_who_dies_between_telling_and_noting_it_is_told_of_twice_and_never_not_at_all(
    logged: Callable[[], str],
) -> None:
    state = FakeState()
    state.write(make.connection(state="lost"))
    state.fate.fail("write Connection", Unavailable("DynamoDB"), times=1)

    with pytest.raises(Unavailable):
        alarms.tell_lost(make.CONNECTION, state)
    for _ in range(3):
        alarms.tell_lost(make.CONNECTION, state)

    assert len(lines(logged, "connection lost")) == 2


def test_what_waits_for_a_connection_that_is_ended_is_noted_as_too_late(
    desk: Desk, job: Job
) -> None:
    closed = {"opened_at": datetime.now(UTC), "failures": 5}
    assert desk.bundle.state.write(desk.gate.model_copy(update=closed))
    desk.report(arrival(job))
    desk.work()
    stored = desk.bundle.state.read(Connection, desk.connection.connection)
    assert stored
    assert desk.bundle.state.write(stored.model_copy(update={"state": "ending"}))

    desk.poll()
    desk.work()

    assert desk.held == 0
    assert [outcome.rpartition(" ")[2] for outcome in desk.outcomes] == ["ignored"]


def test_a_look_without_time_left_releases_nothing_and_the_next_does(
    desk: Desk, job: Job
) -> None:
    now = datetime.now(UTC)
    closed = {"opened_at": now, "probed_at": now - timedelta(minutes=1), "failures": 5}
    assert desk.bundle.state.write(desk.gate.model_copy(update=closed))
    desk.report(arrival(job))
    desk.work()

    desk.poll(Context(remaining=30_000))
    assert desk.held == 1
    desk.poll()

    assert desk.held == 0


def test_a_connection_does_not_end_while_something_of_it_is_still_held(
    desk: Desk, job: Job
) -> None:
    closed = {"opened_at": datetime.now(UTC), "failures": 5}
    assert desk.bundle.state.write(desk.gate.model_copy(update=closed))
    desk.report(arrival(job))
    desk.work()
    stored = desk.bundle.state.read(Connection, desk.connection.connection)
    assert stored
    assert desk.bundle.state.write(stored.model_copy(update={"state": "ending"}))

    desk.poll(Context(remaining=30_000))  # no time to release anything
    assert desk.held == 1
    desk.poll()
    desk.work()

    ended = desk.bundle.state.read(Connection, desk.connection.connection)
    assert ended
    assert ended.state == "ended"
    assert desk.held == 0
    assert [outcome.rpartition(" ")[2] for outcome in desk.outcomes] == ["ignored"]


def test_what_a_worker_would_hold_after_the_connection_has_ended_is_not_held_for_ever(
    desk: Desk, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, name = desk.bundle.state, desk.connection.connection
    closed = {"opened_at": datetime.now(UTC), "failures": 5}
    assert state.write(desk.gate.model_copy(update=closed))
    enter = Doorkeeper.enter

    def ended_meanwhile(keeper: Doorkeeper) -> None:
        """Between a worker's reading of the connection and its finding the org closed."""
        stored = state.read(Connection, name)
        assert stored
        if stored.live:
            assert state.write(stored.model_copy(update={"state": "ending"}))
            desk.poll()
        enter(keeper)

    monkeypatch.setattr(Doorkeeper, "enter", ended_meanwhile)
    desk.report(arrival(job))
    desk.work()

    assert desk.held == 0
    assert [outcome.rpartition(" ")[2] for outcome in desk.outcomes] == ["ignored"]


def test_the_access_is_kept_up_before_the_rest_of_the_time_goes_to_what_was_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that is killed while it renews an access loses it."""
    order: list[str] = []
    monkeypatch.setattr(renewing, "keep_alive", lambda *_: order.append("kept alive"))
    monkeypatch.setattr(holding, "release", lambda *_, **__: order.append("released"))
    asked = {"connection": desk.connection.connection, "full": True}

    poll_salesforce.lambda_handler(batch(asked), CONTEXT)
    poll_salesforce.lambda_handler(batch(asked), Context(remaining=30_000))

    assert order == ["kept alive", "released", "released"]


def test_what_waits_goes_on_though_the_look_itself_is_refused(
    aws: Pretended, bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("AssignedResource")
    waiting = Held(
        connection=connection.connection,
        id="2026-03-04T09:00:00.000000-0",
        queue="events",
        body="{}",
        group="group",
        at=datetime.now(UTC),
    )
    bundle.state.write_all([waiting])
    desk = Desk(aws, bundle, connection)

    desk.poll()

    found = bundle.state.read(Connection, connection.connection)
    assert found
    assert "refused a look" in found.problem
    assert desk.held == 0
    assert aws.queued(bundle.settings.bursts_queue_url) == ["{}"]


def test_a_poll_that_lost_the_answer_to_a_renewal_comes_again_soon_and_only_once(
    aws: Pretended, bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    lost = {"match": {"path": "oauth2/token"}, "after": True, "drop": True}
    salesforce.expire_access_tokens()
    salesforce.faults.append(lost)
    sqs, url = aws.client("sqs"), bundle.settings.polls_queue_url
    body = json.dumps({"connection": connection.connection})
    sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId="d"
    )
    [found] = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    record = {
        "messageId": found["MessageId"],
        "receiptHandle": found["ReceiptHandle"],
        "body": found["Body"],
        "attributes": dict(found["Attributes"]),
    }

    first = poll_salesforce.lambda_handler({"Records": [record]}, CONTEXT)
    record["attributes"]["ApproximateReceiveCount"] = "2"
    second = poll_salesforce.lambda_handler({"Records": [record]}, CONTEXT)

    assert first == {"batchItemFailures": [{"itemIdentifier": found["MessageId"]}]}
    assert second == {"batchItemFailures": []}
    access = bundle.state.read(Access, connection.connection)
    assert access
    assert access.answer_lost
    asked = [each.grant_type for each in salesforce.token_requests]
    assert asked.count("refresh_token") == 1  # nobody shows a token that may be used up so soon


def test_a_right_that_is_gone_is_known_to_the_look_after_the_one_that_was_refused(
    aws: Pretended, bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    """As after an update of ours that asks for more than it did."""
    salesforce.no_access.add("OperatingHours")
    desk = Desk(aws, bundle, connection)

    desk.poll()
    refused = bundle.state.read(Connection, connection.connection)
    calls = salesforce.api_calls
    desk.poll()

    found = bundle.state.read(Connection, connection.connection)
    assert refused
    assert found
    assert "refused a look" in refused.problem
    assert found.problem == ""
    assert bundle.state.read(Watermark, connection.connection)
    assert salesforce.api_calls <= calls + 2  # the look, and what is asked after one in full

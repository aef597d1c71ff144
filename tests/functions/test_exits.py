"""An exit that nobody came back after completes the work, through every door on its way."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fieldlink.practice import Practice
from fieldlink.records import Connection
from fieldlink.wiring import Services
from functions import start_polls, update_salesforce
from local.salesforce import FakeSalesforce
from tests.conftest import Pretended
from tests.functions.calls import CONTEXT, batch
from tests.functions.conftest import Job
from tests.functions.test_workers import TICK, crossing, told

BY_EXIT = Practice(complete_by="exit", exit_grace=10)


def at_work(
    aws: Pretended, bundle: Services, connection: Connection, job: Job, *events: Any
) -> Connection:
    """Rosa came an hour ago, and whatever happened since then."""
    made = connection.model_copy(update={"practice": BY_EXIT})
    assert bundle.state.write(made)
    told(aws, bundle, made, crossing(job, "entry", job.starts_at), *events)
    return made


def tick(at: datetime) -> None:
    start_polls.lambda_handler({**TICK, "time": at.isoformat()}, CONTEXT)


def status(salesforce: FakeSalesforce) -> str:
    [row] = salesforce.rows("ServiceAppointment")
    return str(row["Status"])


def test_the_tick_after_the_grace_period_completes_the_work(
    aws: Pretended,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    left_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
    at_work(aws, bundle, connection, job, crossing(job, "exit", left_at))

    tick(left_at)
    early = aws.queued(bundle.settings.events_queue_url)
    tick(left_at + timedelta(minutes=15))
    due = aws.queued(bundle.settings.events_queue_url)

    assert (early, status(salesforce)) == ([], "In Progress")
    assert update_salesforce.lambda_handler(batch(*due), CONTEXT) == {"batchItemFailures": []}
    assert status(salesforce) == "Completed"


def test_nobody_completes_the_work_by_sending_such_an_exit_to_the_door(
    aws: Pretended,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    left_at = job.starts_at + timedelta(minutes=5)
    made = at_work(aws, bundle, connection, job, crossing(job, "exit", left_at))
    forged = {
        "type": "fieldlink.exit",
        "own": True,
        "recorded_at": left_at.isoformat(),
        "data": {"value": "confirmed", "appointment": job.appointment, "resource": job.rosa},
    }

    told(aws, bundle, made, forged)

    assert status(salesforce) == "In Progress"
    rows = bundle.ledger.last(made.connection, now=datetime.now(UTC), limit=10)
    assert [row.reason for row in rows if row.outcome == "ignored"] == [
        "an event that only Fieldlink tells, and it did not"
    ]

"""What an operator asks with AWS credentials, on tables, queues and a bucket of moto's."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.models import LedgerRow, Outcome
from fieldlink.records import Parked, Visit
from functions import answer_operator
from tests import make
from tests.functions.calls import CONTEXT, Context
from tests.functions.conftest import CONNECTION
from tests.make import APPOINTMENT, DEVICE, RESOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.records import Connection
    from fieldlink.wiring import Services
    from tests.conftest import Pretended

NOW = datetime.now(UTC).replace(microsecond=0)
NO_TIME = CONTEXT._replace(remaining=1_000)
NAME = "Rosa Fuller"


def ask(action: str, context: Context = CONTEXT, **more: Any) -> dict[str, Any]:
    event = {"action": action, "connection": CONNECTION, **more}
    answer: dict[str, Any] = answer_operator.lambda_handler(event, context)
    return answer


@pytest.fixture
def books(bundle: Services, connection: Connection) -> Services:
    """Two events of today that were applied, the first of them about a technician."""
    assert connection
    facts = [
        make.fact(at=NOW, resource=RESOURCE),
        make.fact(at=NOW, resource="0Hn000000000002CAA", device="another"),
    ]
    told = [
        make.delivered(each, received_at=NOW, delivery=f"d{number}")
        for number, each in enumerate(facts)
    ]
    bundle.ledger.put_all(
        [
            LedgerRow(
                connection=CONNECTION,
                received_at=each.received_at,
                delivery=each.delivery,
                outcome=Outcome.APPLIED,
                resource=each.fact.resource,
                appointment=APPOINTMENT,
                wrote={"changes": {"status": "In Progress"}},
                rule="somebody arrived",
            )
            for each in told
        ]
    )
    kept = {each.fact.key: each for each in told}
    bundle.state.write(Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=kept))
    bundle.state.write(
        make.resource(connection=CONNECTION, id=RESOURCE, name=NAME, active=False)
    )
    bundle.state.write(make.worker(connection=CONNECTION, device=DEVICE))
    return bundle


def today() -> dict[str, Any]:
    return {"day": NOW.date().isoformat()}


def since(days: int) -> dict[str, Any]:
    first = NOW.date() - timedelta(days=days)
    return {"from": first.isoformat(), "to": NOW.date().isoformat()}


def park(bundle: Services, count: int) -> None:
    bundle.state.write_all(
        Parked(
            connection=CONNECTION,
            id=f"events-{number:05}",
            queue="events",
            body=json.dumps({"number": number}),
            group=f"g{number % 3}",
            cause=f"ENTITY_IS_LOCKED: SA-{number:04} is locked",
            at=NOW,
        )
        for number in range(count)
    )


# ── ledger ─────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("books")
def test_a_ledger_that_nobody_touched_is_whole() -> None:
    answer = ask("verify_ledger", **today())

    [day] = answer["days"]
    assert answer["whole"] is True
    assert (day["rows"], day["links"], day["unchained"], day["findings"]) == (2, 1, 0, [])
    assert "next" not in answer


@pytest.mark.usefixtures("books")
def test_a_row_that_somebody_changed_is_named(aws: Pretended) -> None:
    dynamo = aws.client("dynamodb")
    items = dynamo.scan(TableName="Ledger")["Items"]
    [item] = [each for each in items if each["sk"]["S"].endswith("#d0")]
    item["body"]["S"] = item["body"]["S"].replace("In Progress", "Completed")
    dynamo.put_item(TableName="Ledger", Item=item)

    answer = ask("verify_ledger", **today())

    [day] = answer["days"]
    assert answer["whole"] is False
    assert day["findings"] == [f"row changed: {item['sk']['S']}"]
    assert day["count"] == 1


@pytest.mark.usefixtures("books")
def test_without_time_it_says_with_which_day_to_go_on() -> None:
    for action in ("verify_ledger", "export"):
        answer = ask(action, NO_TIME, **today())

        assert answer["next"] == NOW.date().isoformat()


@pytest.mark.usefixtures("books")
def test_a_value_is_explained() -> None:
    answer = ask("explain", record=APPOINTMENT)

    first, second = answer["told"]
    assert first["wrote"] == {"changes.status": "In Progress"}
    assert first["rule"] == "somebody arrived"
    assert second["resource"] == "0Hn000000000002CAA"
    assert answer["stands"]["changes.status"]["value"] == "In Progress"
    [one] = ask("explain", record=APPOINTMENT, reference=first["reference"])["told"]
    assert one == first


@pytest.mark.usefixtures("books")
def test_an_export_can_be_fetched(aws: Pretended) -> None:
    answer = ask("export", **since(days=0))

    [key] = answer["keys"]
    bucket = aws.settings.spool_bucket
    body = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    lines = [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]
    assert [each["row"]["delivery"] for each in lines[:-1]] == ["d0", "d1"]
    assert lines[-1]["link"]["number"] == 1
    assert answer["rows"] == 2
    assert answer["fetch"] == f"aws s3 cp --recursive s3://{bucket}/exports/{CONNECTION}/ ."


# ── a person ───────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("books")
def test_a_person_is_counted_and_then_erased(logged: Callable[[], str]) -> None:
    counted = ask("erase", resource=RESOURCE)
    erased = ask("erase", resource=RESOURCE, confirm=RESOURCE)

    assert counted["dry_run"] is True
    assert erased == {**counted, "dry_run": False}
    assert erased["gone"]["ledger rows"] == 1
    assert erased["next"] == ""
    found = ask("explain", record=APPOINTMENT)
    assert [each["resource"] for each in found["told"]] == ["0Hn000000000002CAA"]
    assert ask("verify_ledger", **today())["days"][0]["erased"] == 1
    assert ask("verify_ledger", **today())["whole"] is True
    assert NAME not in logged()


@pytest.mark.usefixtures("books")
def test_an_erasure_without_time_says_where_to_go_on() -> None:
    answer = ask("erase", NO_TIME, resource=RESOURCE, confirm=RESOURCE)

    assert answer["next"].startswith("ledger ")
    again = ask("erase", resource=RESOURCE, confirm=RESOURCE, after=answer["next"])
    assert again["gone"]["ledger rows"] == 1


def test_who_is_active_is_not_erased(books: Services) -> None:
    books.state.write_all([make.resource(connection=CONNECTION, active=True)])

    assert "deactivate" in ask("erase", resource=RESOURCE, confirm=RESOURCE)["error"]


# ── parked ─────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("connection")
def test_what_is_parked_is_told_by_cause_with_a_hint(bundle: Services) -> None:
    park(bundle, 150)

    answer = ask("parked")

    [group] = answer["groups"]
    assert answer["parked"] == group["count"] == 150
    assert group["cause"] == "ENTITY_IS_LOCKED: … is locked"
    assert "approval" in group["hint"]
    assert len(group["ids"]) == 100


@pytest.mark.usefixtures("connection")
def test_a_dry_run_sends_nothing_and_a_replay_sends_each_once(
    bundle: Services, aws: Pretended
) -> None:
    park(bundle, 25)
    [group] = ask("parked")["groups"]

    dry = ask("replay", group=group["group"])
    assert (dry["parked"], dry["dry_run"], "sent" in dry) == (25, True, False)
    assert aws.queued(aws.settings.events_queue_url) == []

    done = ask("replay", group=group["group"], dry_run=False)
    assert (done["sent"], done["left"]) == (25, 0)
    bodies = aws.queued(aws.settings.events_queue_url)
    assert sorted(json.loads(each)["number"] for each in bodies) == list(range(25))
    assert ask("parked")["parked"] == 0


@pytest.mark.usefixtures("connection")
def test_a_replay_without_time_says_how_many_are_left(bundle: Services) -> None:
    park(bundle, 5)

    done = ask("replay", NO_TIME, dry_run=False)

    assert (done["sent"], done["left"]) == (0, 5)


@pytest.mark.usefixtures("connection")
def test_one_of_them_may_be_replayed(bundle: Services) -> None:
    park(bundle, 3)

    assert ask("replay", ids=["events-00001"], dry_run=False)["sent"] == 1
    [group] = ask("parked")["groups"]
    assert group["ids"] == ["events-00000", "events-00002"]


# ── what can't be answered ─────────────────────────────────────────────────────


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"action": "parked", "connection": "of nobody"}, "there is no such connection"),
        ({"action": "parked"}, "connection: Field required"),
        ({"action": "delete"}, "action is one of"),
        ({"action": "redrive", "queue": "Elsewhere"}, "queue: "),
        ({"action": "explain", "connection": CONNECTION, "record": "x"}, "08p"),
        ({"action": "verify_ledger", "connection": CONNECTION}, "name a day"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_what_is_wrong(
    event: dict[str, Any], problem: str
) -> None:
    answer = answer_operator.lambda_handler(event, CONTEXT)

    assert list(answer) == ["error"]
    assert problem in answer["error"]


def test_what_may_work_later_is_said_to(books: Services) -> None:
    visit = books.state.read(Visit, CONNECTION, APPOINTMENT)
    assert visit
    intent = {"delivered": next(iter(visit.facts.values())), "since": datetime.now(UTC)}
    begun = Visit.model_validate({**visit.model_dump(), "intent": intent})
    books.state.write(begun)

    answer = ask("erase", resource=RESOURCE, confirm=RESOURCE)

    assert answer["error"].startswith("try again: ")


@pytest.mark.usefixtures("books")
def test_a_long_span_is_gone_through() -> None:
    answer = ask("verify_ledger", **since(days=40))

    assert len(answer["days"]) == 41
    assert answer["whole"] is True

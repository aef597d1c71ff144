"""However many connections there are, each is a message of its own and touches no other."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bench.tables import Tables
from fieldlink.adapters.aws import Aws
from fieldlink.adapters.dynamodb import DynamoState
from fieldlink.adapters.sqs import SqsOutbox
from fieldlink.alarms import tell_all_lost
from fieldlink.config import AwsAccess
from fieldlink.listing import every_connection
from fieldlink.looking import polling, reconciling
from fieldlink.looking.polling import Polled, Queues
from fieldlink.models import Poll
from fieldlink.records import Appointment, Listed, Watermark
from tests.fakes import NOON, FakeSalesforce
from tests.make import appointment, assignment, connection, resource

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 1_000
BATCHES = 110  # of SQS
READS = 25  # of DynamoDB
HERE, THERE = "connection-number-one-0123456789", "connection-number-two-0123456789"


class Counted(Aws):
    """Tables and queues in memory, and every call of theirs."""

    def __init__(self) -> None:
        super().__init__(AwsAccess("eu-central-1", "access-key", "secret-key", None, ""))
        self.tables = Tables()
        self.calls: list[tuple[str, str]] = []  # action and payload

    def call(
        self, service: str, action: str, payload: dict[str, Any], *, once: bool = False
    ) -> dict[str, Any]:
        del once  # nothing fails here
        self.calls.append((action, json.dumps(payload)))
        if service == "sqs":
            return {}
        status, answer = self.tables.answer(action, payload)
        assert status == 200
        told: dict[str, Any] = json.loads(answer)
        return told

    @property
    def actions(self) -> Counter[str]:
        return Counter(action for action, _ in self.calls)

    @property
    def queued(self) -> list[dict[str, str]]:
        payloads = [json.loads(each) for action, each in self.calls if "Message" in action]
        return [entry for each in payloads for entry in each["Entries"]]


class House:
    """A state and a queue on one AWS."""

    def __init__(self) -> None:
        self.aws = Counted()
        self.state = DynamoState(self.aws, "State")
        self.queue = SqsOutbox(self.aws, "https://sqs.example.com/Queue.fifo")

    def connect(self, *names: str) -> None:
        self.state.write_all(Listed(connection=each) for each in names)
        self.state.write_all(connection(connection=each) for each in names)
        self.aws.calls.clear()

    def poll(self, name: str, salesforce: FakeSalesforce) -> Polled:
        return polling.poll(
            connection(connection=name),
            salesforce=salesforce,
            state=self.state,
            queues=Queues(changes=self.queue, invites=self.queue),
            run="run",
        )


def org_of(name: str) -> FakeSalesforce:
    """Two orgs may well use the same ids: sandboxes are copies."""
    rows = (each(connection=name) for each in (resource, appointment, assignment))
    return FakeSalesforce(changed=[(NOON, row) for row in rows])


@pytest.mark.parametrize(
    ("start", "full"),
    [(partial(polling.start, NOON), False), (partial(reconciling.start, NOON.date()), True)],
    ids=["tick", "night"],
)
def test_a_thousand_connections_are_a_thousand_messages_of_a_group_each(
    start: Callable[..., int], full: bool
) -> None:
    house = House()
    names = [f"connection-{number}" for number in range(MANY)]
    house.connect(*names)

    assert start(every_connection(house.state), polls=house.queue) == MANY
    tell_all_lost(house.state)

    queued = house.aws.queued
    bodies = [Poll.model_validate_json(each["MessageBody"]) for each in queued]
    assert sorted(each.connection for each in bodies) == sorted(names)
    assert {each.full for each in bodies} == {full}
    assert [each["MessageGroupId"] for each in queued] == [each.connection for each in bodies]
    assert len({each["MessageDeduplicationId"] for each in queued}) == MANY
    actions = house.aws.actions
    assert actions.pop("SendMessageBatch") <= BATCHES
    assert sum(actions.values()) <= READS
    assert set(actions) == {"Query", "BatchGetItem"}


def test_a_look_at_one_org_reads_writes_and_tells_nothing_of_another() -> None:
    house = House()
    house.connect(HERE, THERE)
    assert house.poll(THERE, org_of(THERE)).changed == 3
    mark = house.state.read(Watermark, THERE)
    house.aws.calls.clear()

    assert house.poll(HERE, org_of(HERE)).changed == 3

    assert house.aws.calls
    assert not [payload for _, payload in house.aws.calls if THERE in payload]
    assert house.state.read(Watermark, THERE) == mark
    assert {each["MessageGroupId"].startswith(HERE) for each in house.aws.queued} == {True}


def test_what_changes_in_one_org_changes_nothing_of_the_same_row_in_another() -> None:
    house = House()
    house.connect(HERE, THERE)
    here, there = org_of(HERE), org_of(THERE)
    house.poll(HERE, here)
    house.poll(THERE, there)
    moved = appointment(connection=HERE, subject="Another")
    here.changed.append((NOON, moved))

    assert [house.poll(HERE, here).changed, house.poll(THERE, there).changed] == [1, 0]

    found = [house.state.read(Appointment, each, moved.id) for each in (HERE, THERE)]
    assert [each and each.subject for each in found] == ["Another", "Replace the valve"]

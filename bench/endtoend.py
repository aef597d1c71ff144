"""A burst from the webhook to its last effect in Salesforce: our doors and the reference stack.

Both run on the same emulator of AWS, each with tables and a queue of its own, and write to an
org of its own of the same simulator. What stands in the two orgs in the end is compared before
any figure is told.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from bench.burst import Visit, burst
from bench.deliveries import SECRET
from bench.measure import Figures, Row, in_turn
from bench.pretended import ENVIRONMENT
from local.clock import SteppedClock
from local.ministack import REGION, ROOT_KEY, Ministack
from local.salesforce import FakeSalesforce

# Technicians, and visits that each makes in a day. The emulator hands over one message of each
# device at a time, and a worker takes a hundred: with fewer technicians the end of each burst,
# when few devices have anything left, would be most of it, which is not what lasts.
RESOURCES, OF_A_DAY = 300, 4
FIRST, APART = timedelta(hours=8), timedelta(hours=2)
LONGEST = timedelta(hours=2)
BATCHED = 50  # deliveries handed to the process at a time
TICKS = os.sysconf("SC_CLK_TCK")
# An hour of a day long past, so that nothing of it lies ahead of anybody's clock.
MORNING = datetime(2026, 3, 2, tzinfo=UTC)

State = dict[str, list[Any]]


class Way(NamedTuple):
    """One of the two, ready to be sent bursts."""

    name: str
    org: FakeSalesforce
    process: "subprocess.Popen[str]"
    people: list[str]
    aws: Ministack

    def ask(self, **what: object) -> dict[str, float]:
        if not (self.process.stdin and self.process.stdout):
            raise LookupError(self.name)
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended: its last words are above")
        told: dict[str, float] = json.loads(line)
        return told

    def run(self, visits: Sequence[Visit]) -> Figures:
        """Everything delivered, then everything worked off."""
        bodies = [each.decode() for each in burst(visits)]
        before = self._beside()
        told = [
            self.ask(bodies=bodies[start : start + BATCHED])
            for start in range(0, len(bodies), BATCHED)
        ]
        told.append(self.ask())
        beside = self._beside() - before
        events = sum(len(json.loads(each)) for each in bodies)
        own = sum(each["cpu"] for each in told)
        return {
            "wall": sum(each["wall"] for each in told) / events * 1000,
            "own": own / events * 1000,
            "all": (own + beside) / events * 1000,
        }

    def _beside(self) -> float:
        """Seconds of the emulator, and of the org, which is in this process. The poller between
        the doors, which is Lambda's and not theirs, is neither's.
        """
        return process_time() + sum(map(_cpu_of, _family(self.aws.process_id)))


def endtoend(
    command: Sequence[str], path: Sequence[Path], rounds: int, *, appointments: int
) -> list[Row]:
    """P11 and P12; raises ValueError if the two orgs differ in the end."""
    with Ministack() as aws, ExitStack() as opened:
        ways = {
            name: opened.enter_context(_way(name, aws, command, path))
            for name in ("ours", "reference")
        }
        taken = dict.fromkeys(ways, 0)

        def measure(name: str) -> Figures:
            taken[name] += 1
            return ways[name].run(booked(ways[name], appointments, week=taken[name]))

        found = in_turn(list(ways), rounds, measure)
        ended = [state(way.org) for way in ways.values()]
        if ended[0] != ended[1]:
            raise ValueError(f"the two end differently: {difference(*ended)}")
    events = f"{round(appointments * 3 * 1.2)} webhooks"
    return [
        Row(
            row,
            f"{events}, {what}",
            "ms",
            _of("ours", key, found),
            "FastAPI, boto3",
            _of("reference", key, found),
            goal,
        )
        for row, what, key, goal in (
            ("P11", "CPU of all for each", "all", 0.20),
            ("P11", "CPU of the doors for each", "own", None),
            ("P12", "time to the last effect, for each", "wall", 0.30),
        )
    ]


def booked(way: Way, appointments: int, *, week: int) -> list[Visit]:
    """New appointments in the org, each resource's one after the other."""
    days = -(-appointments // (RESOURCES * OF_A_DAY))
    slots = [
        (resource, MORNING + timedelta(days=days * week + day) + FIRST + APART * number)
        for day in range(days)
        for number in range(OF_A_DAY)
        for resource in way.people
    ][:appointments]
    made = []
    for resource, start in slots:
        [appointment] = way.org.add_appointments(1, [resource], start)
        made.append(Visit(appointment, resource, start + timedelta(minutes=7)))
    return made


def state(org: FakeSalesforce) -> State:
    """What stands in an org, ids apart."""
    names = {each["Id"]: each["Name"] for each in org.rows("ServiceResource")}
    numbers = {each["Id"]: each["AppointmentNumber"] for each in org.rows("ServiceAppointment")}
    sheets = {each["Id"]: each for each in org.rows("TimeSheet")}
    fields = ("AppointmentNumber", "Status", "ActualStartTime", "ActualEndTime")
    return {
        "appointments": sorted(
            [each[name] for name in fields] for each in org.rows("ServiceAppointment")
        ),
        "travel": sorted(
            [numbers[each["ServiceAppointmentId"]], each["ActualTravelTime"]]
            for each in org.rows("AssignedResource")
        ),
        "events": sorted(
            [numbers[each["WhatId"]], each["Subject"], each["StartDateTime"]]
            for each in org.rows("Event")
        ),
        "sheets": sorted(
            [names[each["ServiceResourceId"]], each["StartDate"], each["EndDate"]]
            for each in sheets.values()
        ),
        "entries": sorted(
            [
                names[sheets[each["TimeSheetId"]]["ServiceResourceId"]],
                each["StartTime"],
                each["EndTime"],
                each["Type"],
            ]
            for each in org.rows("TimeSheetEntry")
        ),
    }


def difference(one: State, other: State) -> str:
    """The first few rows that only one of them has."""
    return "; ".join(
        f"{name}: {mine[:3]} | {theirs[:3]} of {len(one[name])} and {len(other[name])}"
        for name in one
        for mine, theirs in [
            (
                [each for each in one[name] if each not in other[name]],
                [each for each in other[name] if each not in one[name]],
            )
        ]
        if mine or theirs or len(one[name]) != len(other[name])
    )


@contextmanager
def _way(
    name: str, aws: Ministack, command: Sequence[str], path: Sequence[Path]
) -> Iterator[Way]:
    clock = SteppedClock(datetime.now(UTC).replace(microsecond=0))
    with FakeSalesforce(clock=clock, session_minutes=60 * 24 * 60) as org:
        org.run_as = org.integration_user_id
        people = org.add_resources(RESOURCES)
        environment = _environment(name, aws, org) | {
            "PYTHONPATH": ":".join(map(str, path)),
            "TECHNICIANS": ",".join(people),
        }
        with subprocess.Popen(
            [*command, "-m", "bench.driven", name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        ) as process:  # it ends with its stdin
            yield Way(name, org, process, people, aws)


def _environment(name: str, aws: Ministack, org: FakeSalesforce) -> dict[str, str]:
    """Tables and queues of its own, and what both are told of the org."""
    queues = {each: _queue(aws, f"{name}-{each}") for each in ("Events", "Bursts", "Others")}
    tables = {each: _table(aws, f"{name}-{each}") for each in ("State", "Ledger")}
    idempotency = _table(aws, f"{name}-Idempotency", sort="")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    token = org.oauth.session_for(org.integration_user_id).access_token
    return ENVIRONMENT | {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_SESSION_TOKEN": "",
        "AWS_ENDPOINT_URL": aws.url,
        "STATE_TABLE": tables["State"],
        "LEDGER_TABLE": tables["Ledger"],
        "IDEMPOTENCY_TABLE": idempotency,
        "EVENTS_QUEUE_URL": queues["Events"],
        "BURSTS_QUEUE_URL": queues["Events"],  # one queue for either way
        "KMS_KEY_ID": key,
        "HYPERTRACK_SECRET": SECRET,
        "SALESFORCE_URL": org.url,
        "SALESFORCE_LOGIN_URL": org.url,
        "SALESFORCE_TOKEN": token,
        "SALESFORCE_USER": org.integration_user_id,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _queue(aws: Ministack, name: str) -> str:
    attributes = {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "VisibilityTimeout": "360",
    }
    made = aws.client("sqs").create_queue(QueueName=f"{name}.fifo", Attributes=attributes)
    return str(made["QueueUrl"])


def _table(aws: Ministack, name: str, sort: str = "sk") -> str:
    keys = {"pk": "HASH", sort: "RANGE"} if sort else {"id": "HASH"}
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in keys],
        KeySchema=[{"AttributeName": each, "KeyType": kind} for each, kind in keys.items()],
    )
    return name


def _of(way: str, key: str, found: dict[str, list[Figures]]) -> list[float]:
    return [each[key] for each in found[way]]


def _family(*roots: int) -> Iterator[int]:
    """Processes and their descendants."""
    for root in roots:
        yield root
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
        yield from _family(*map(int, children))


def _cpu_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS

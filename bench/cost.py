"""What an idle connection costs, from counted calls and AWS's list prices."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import boto3

from bench import prices
from bench.noted import Call, NotedAws, noted_aws
from bench.pretended import ENVIRONMENT
from local.clock import SteppedClock
from local.cloudformation import read_template
from local.runtime import ROOT
from local.salesforce import FakeSalesforce

TICK, HOURS_OF_A_DAY, DAYS_OF_A_MONTH = timedelta(minutes=5), 24, 730 / 24
TICKS_OF_AN_HOUR = timedelta(hours=1) // TICK
RENEWALS_OF_A_DAY = 12  # Salesforce's sessions last two hours unless the org says otherwise
OPEN_WORK = 200  # appointments that are there all the while
MEMORY = int(read_template(ROOT / "template.yaml")["Globals"]["Function"]["MemorySize"])

# What no bench on one machine can measure: a whole processor comes with 1,769 MB, AWS answers
# in a few milliseconds, and an org takes about half a second for five queries in a Composite.
MEMORY_OF_A_CPU = 1769
SECONDS_OF_AWS, SECONDS_OF_SALESFORCE = 0.005, 0.5
# Beside what we log, Lambda's own lines about an invocation: START, END and REPORT, in JSON.
LAMBDAS_LINES = 900
RECEIVED_AND_DELETED = 2  # requests that Lambda makes for each message
MOST_A_MONTH, MOST_CALLS_A_DAY = 0.10, 300  # the goals

STARTING = "StartPolls, Reconcile: its share"
CROWD = 100  # connections of a stack that is used in earnest
TRACED = 0.05  # of a second's invocations, by X-Ray's own rule, beside its first

ABOUT = """\
What it costs to look at an idle connection: AWS's list prices (bench/prices.py), no free tiers,
calls counted as the doors make them; for a stack's only connection and for one of {crowd}.
Of the duration, CPU is measured ({memory} MB have {share:.0%} of a processor). Assumed are
{aws:.0f} ms for a call of AWS, {org:.0f} ms for one of Salesforce, and a process that is warm.
Left out is what stands whether anybody is connected or not: alarms, metrics, keys, secrets, and
that Lambda asks its queues in vain.
"""


class Run(NamedTuple):
    """One invocation: what it took, and which calls it made."""

    cpu: float
    logged: int
    aws: list[Call]
    salesforce: int = 0
    messages: int = 0  # that it was invoked with

    @property
    def seconds(self) -> float:
        aws, org = len(self.aws) * SECONDS_OF_AWS, self.salesforce * SECONDS_OF_SALESFORCE
        return self.cpu * MEMORY_OF_A_CPU / MEMORY + aws + org

    @property
    def units(self) -> tuple[float, float]:
        """Of DynamoDB, read and written."""
        reads = sum(call.read_units for call in self.aws)
        return reads, sum(call.write_units for call in self.aws)

    def price(self, among: int) -> Counter[str]:
        """In dollars, by what is paid for; `among`: invocations in the same second."""
        reads, writes = self.units
        of = Counter(call.service for call in self.aws)
        sqs = of["AmazonSQS"] + self.messages * RECEIVED_AND_DELETED
        return Counter(
            {
                "Lambda, duration": self.seconds * MEMORY / 1024 * prices.LAMBDA_GB_SECOND,
                "Lambda, requests": prices.LAMBDA_REQUEST,
                "DynamoDB, reads": reads * prices.DYNAMODB_READ_UNIT,
                "DynamoDB, writes": writes * prices.DYNAMODB_WRITE_UNIT,
                "SQS": sqs * prices.SQS_FIFO_REQUEST,
                "KMS, Secrets Manager": of["TrentService"] * prices.KMS_REQUEST
                + of["secretsmanager"] * prices.SECRETS_REQUEST,
                "Logs": (self.logged + LAMBDAS_LINES) * prices.LOG_BYTE,
                "X-Ray": (1 + TRACED * (among - 1)) / among * prices.XRAY_TRACE,
            }
        )


class Step(NamedTuple):
    """A schedule's function, and the poll that follows."""

    schedule: Run
    poll: Run


class Day(NamedTuple):
    """The steps that an idle day consists of."""

    hours: list[list[Step]]
    renewal: Step  # a tick that finds its token expired
    night: Step
    crowd: Run  # the schedule's function with many connections

    def month(self, connections: int) -> Counter[str]:
        """Dollars for one of so many: 1 or CROWD."""
        hour = _total(step.poll.price(connections) for each in self.hours for step in each)
        idle = _scaled(hour, 1 / (len(self.hours) * TICKS_OF_AN_HOUR))
        renewal = self.renewal.poll.price(connections)
        schedule = self.hours[0][0].schedule if connections == 1 else self.crowd
        share = schedule.price(1).total() / connections
        night = Counter({STARTING: share}) + self.night.poll.price(connections)
        ticks = HOURS_OF_A_DAY * TICKS_OF_AN_HOUR
        day = (
            _scaled(idle, ticks - RENEWALS_OF_A_DAY),
            _scaled(renewal, RENEWALS_OF_A_DAY),
            Counter({STARTING: share * ticks}),
            night,
        )
        return _scaled(_total(day), DAYS_OF_A_MONTH)

    @property
    def calls(self) -> float:
        """Of Salesforce's API."""
        an_hour = mean(sum(step.poll.salesforce for step in hour) for hour in self.hours)
        more = self.renewal.poll.salesforce - 1
        return HOURS_OF_A_DAY * an_hour + RENEWALS_OF_A_DAY * more + self.night.poll.salesforce


def cost(command: tuple[str, ...], path: list[Path], hours: int) -> str:
    """The block that is printed. Our packages are found by `command` in `path`."""
    about = ABOUT.format(
        crowd=CROWD,
        memory=MEMORY,
        share=MEMORY / MEMORY_OF_A_CPU,
        aws=SECONDS_OF_AWS * 1000,
        org=SECONDS_OF_SALESFORCE * 1000,
    )
    rows = [["", "the only one", f"one of {CROWD}", "goal", ""]]
    rows += _rows(measured(command, path, hours))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([about, *lines])


def _rows(day: Day) -> Iterator[list[str]]:
    alone, many = day.month(1), day.month(CROWD)
    totals = [alone.total(), many.total(), MOST_A_MONTH]
    verdict = _verdict(many.total(), MOST_A_MONTH)
    yield ["polling, a month", *map(_dollars, totals), verdict]
    for each, price in alone.most_common():
        yield [f"  {each}", _dollars(price), _dollars(many[each]), "", ""]
    calls, verdict = f"{day.calls:.0f}", _verdict(day.calls, MOST_CALLS_A_DAY)
    yield ["Salesforce calls, a day", calls, calls, str(MOST_CALLS_A_DAY), verdict]
    for name, told in _of_a_tick(day):
        yield [name, told, told, "", ""]


def _of_a_tick(day: Day) -> Iterator[tuple[str, str]]:
    ticks = [step.poll for hour in day.hours for step in hour]
    yield "a tick: CPU", f"{mean(each.cpu for each in ticks) * 1000:.1f} ms"
    yield "a tick: duration", f"{mean(each.seconds for each in ticks) * 1000:.0f} ms"
    reads, writes = (mean(each) for each in zip(*(each.units for each in ticks), strict=True))
    yield "a tick: units of DynamoDB, read", f"{reads:.2f}"
    yield "a tick: units of DynamoDB, written", f"{writes:.2f}"


def measured(command: tuple[str, ...], path: list[Path], hours: int) -> Day:
    clock = SteppedClock(datetime.now(UTC).replace(microsecond=0))
    with noted_aws() as aws, FakeSalesforce(clock=clock, session_minutes=60 * 24 * 60) as org:
        org.run_as = org.integration_user_id
        org.add_appointments(OPEN_WORK, org.add_resources(10), clock.now + timedelta(days=1))
        with doors(command, path, aws, org) as house:
            token = org.oauth.session_for(org.integration_user_id).access_token
            house.ask(what="connect", url=org.url, token=token)
            house.step("start", clock)
            clock.move_to(clock.now + timedelta(hours=1))
            house.step("start", clock)  # so that what was new is out of the overlap
            found = [house.hour(clock) for _ in range(hours)]
            org.expire_access_tokens()
            renewal, night = house.step("start", clock), house.step("reconcile", clock)
            return Day(found, renewal, night, house.crowd(clock))


class Doors:
    """The process in which the doors run."""

    def __init__(
        self, process: "subprocess.Popen[str]", aws: NotedAws, org: FakeSalesforce
    ) -> None:
        self._process = process
        self._aws = aws
        self._org = org

    def ask(self, **what: object) -> Any:
        if self._process.stdin and self._process.stdout:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            if line := self._process.stdout.readline():
                return json.loads(line)
        sys.exit("the doors of the bench have ended")

    def step(self, schedule: str, clock: SteppedClock) -> Step:
        """A schedule's function five minutes later, and the poll that it has queued."""
        clock.move_to(clock.now + TICK)
        started = self.run(schedule, time=clock.now.isoformat())
        polled = self.run("poll", full=schedule == "reconcile")
        return Step(started, polled._replace(messages=1))

    def run(self, what: str, **event: object) -> Run:
        self._aws.take()
        before = self._org.api_calls
        told = self.ask(what=what, **event)
        calls = self._org.api_calls - before
        return Run(told["cpu"], told["logged"], self._aws.take(), calls)

    def crowd(self, clock: SteppedClock) -> Run:
        """The schedule's function alone, when there are many."""
        self.ask(what="crowd", count=CROWD)
        return self.run("start", time=clock.now.isoformat())

    def hour(self, clock: SteppedClock) -> list[Step]:
        """Twelve ticks, at one of which the mark moves and the gate is noted."""
        self.ask(what="age")
        return [self.step("start", clock) for _ in range(TICKS_OF_AN_HOUR)]


@contextmanager
def doors(
    command: tuple[str, ...], path: list[Path], aws: NotedAws, org: FakeSalesforce
) -> Iterator[Doors]:
    environment = ENVIRONMENT | _made(aws.url) | {"PYTHONPATH": ":".join(map(str, path))}
    pipe = subprocess.PIPE
    started = [*command, "-m", "bench.ticks"]
    with subprocess.Popen(
        started, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True
    ) as process:
        try:
            yield Doors(process, aws, org)
        finally:
            process.terminate()


def _made(url: str) -> dict[str, str]:
    """What is not in memory of our own: queues, key and secret."""
    kms, sqs, secrets = (
        boto3.client(
            each,
            endpoint_url=url,
            region_name=ENVIRONMENT["AWS_REGION"],
            aws_access_key_id="access-key",
            aws_secret_access_key="secret-key",
        )
        for each in ("kms", "sqs", "secretsmanager")
    )
    app = json.dumps(
        {"client_id": "fieldlink-local", "client_secret": "fieldlink-local-secret"}
    )
    fifo = {"FifoQueue": "true"}
    made = {
        f"{name.upper()}_QUEUE_URL": sqs.create_queue(
            QueueName=f"{name}.fifo", Attributes=fifo
        )["QueueUrl"]
        for name in ("Polls", "Changes", "Invites", "Events")
    }
    return made | {
        "AWS_ENDPOINT_URL": url,
        "KMS_KEY_ID": kms.create_key()["KeyMetadata"]["Arn"],
        "SALESFORCE_APP_SECRET": secrets.create_secret(Name="App", SecretString=app)["ARN"],
        "SALESFORCE_JWT_KEY_SECRET": "unused",
    }


def _total(prices_: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in prices_:
        total.update(each)
    return total


def _scaled(price: Counter[str], by: float) -> Counter[str]:
    return Counter({name: each * by for name, each in price.items()})


def _dollars(price: float) -> str:
    return f"${price:.4f}"


def _verdict(found: float, goal: float) -> str:
    return "met" if found <= goal else "not met"

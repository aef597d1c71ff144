"""What the journeys have in common: a connection, its people, and what there is to see."""

import json
import os
import re
import signal
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.hypertrack.phone import Phone
from local.hypertrack.state import Geofence
from local.ministack import wait_until
from local.salesforce.site import Request
from local.stack import APP
from local.town import ACCOUNT, SECRET, Town

MORNING = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
DEPOT = (52.501237, 13.341871)
SITE = (52.516275, 13.377704)  # some 3 km from there
NEW_SITE = (52.508931, 13.399215)
PEOPLE = "example.com"  # where everybody's e-mail is
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
# How Salesforce's access tokens, refresh tokens and codes begin.
TOKENS = ("00DKx0000000001!", "5Aep861", "aPrx")

OVER = {"since": "2000-01-01T00:00:00Z"}  # of a lease


class Scene:
    """One connection in a town, its operator, and the people of its org."""

    def __init__(self, town: Town, account: str = ACCOUNT, secret: str = SECRET) -> None:
        self.town = town
        self.account = account
        self.salesforce, self.hypertrack = town.salesforce, town.hypertrack
        self.operator = town.operator()
        self.connection = town.connect(self.operator, account=account, secret=secret)

    # ── what people do ────────────────────────────────────────────────────────

    def hire(self, name: str = "Ada Lovelace") -> str:
        """A technician whom the next poll sees."""
        number = len(self.salesforce.rows("ServiceResource"))
        return self.salesforce.add_resource(name, f"technician-{number}@{PEOPLE}")

    def book(
        self, resource: str | None, hours: float = 2, place: Any = SITE, **fields: Any
    ) -> str:
        """An appointment so many hours from now; `place` may be None."""
        start = self.town.clock() + timedelta(hours=hours)
        where = {"Latitude": place[0], "Longitude": place[1]} if place else {}
        return self.salesforce.add_appointment(resource, start, **where, **fields)

    def later(self, minutes: float = 5) -> None:
        """Time passes and EventBridge ticks."""
        self.town.clock.move_to(self.town.clock() + timedelta(minutes=minutes))
        self.town.tick()

    def install(self, resource: str, app: str = "android-0.3") -> Phone:
        """Open the invitation on a new phone; the geofences are there afterwards."""
        [link] = {
            each.link
            for each in self.hypertrack.invites
            if (each.account_id, each.worker_handle) == (self.account, resource)
        }
        phone = self.hypertrack.install(link, app=app)
        self.town.settle()
        return phone

    def page(self) -> str:
        """What the console shows of the connection."""
        answer = self.operator.open(f"/connections/{self.connection}")
        answer.raise_for_status()
        return answer.text

    # ── what there is to see ──────────────────────────────────────────────────

    def fences(self, appointment: str) -> list[Geofence]:
        """The geofences in force for an appointment."""
        return [
            each
            for each in self.hypertrack.geofences(self.account)
            if each.metadata.get("service_appointment_id") == appointment
        ]

    def fence(self, appointment: str) -> Geofence:
        [found] = self.fences(appointment)
        return found

    def appointment(self, appointment: str) -> dict[str, Any]:
        return self.salesforce.row("ServiceAppointment", appointment)

    def events(self, appointment: str) -> list[dict[str, Any]]:
        """The appointment's Activity, oldest first."""
        found = [e for e in self.salesforce.rows("Event") if e["WhatId"] == appointment]
        return sorted(found, key=lambda each: (each["StartDateTime"], each["Subject"]))

    def entries(self, resource: str) -> list[dict[str, Any]]:
        """What stands on the time sheets of a resource."""
        sheets = {
            each["Id"]
            for each in self.salesforce.rows("TimeSheet")
            if each["ServiceResourceId"] == resource
        }
        rows = self.salesforce.rows("TimeSheetEntry")
        return [each for each in rows if each["TimeSheetId"] in sheets]

    def ledger(self) -> list[dict[str, Any]]:
        return [
            json.loads(each["body"])
            for each in items(self.town, "LedgerTable")
            if self.connection in each["pk"] and not each["sk"].startswith("~link#")
        ]

    def outcomes(self, *kinds: str) -> Counter[tuple[str, str]]:
        """How often each outcome stands in the ledger for facts of these kinds, or for all."""
        return Counter(
            (row.get("kind", ""), row["outcome"])
            for row in self.ledger()
            if not kinds or row.get("kind", "") in kinds
        )


def drive(phone: Phone, place: tuple[float, float] = SITE, minutes: float = 30) -> None:
    """From the depot, with the clock started, to a place: the geofence is entered."""
    if not phone.tracking:
        phone.be_at(*DEPOT)
        phone.clock_in()
    phone.drive_to(*place, minutes=minutes)


def visit(phone: Phone, geofence: str, note: str = "") -> None:
    """Go there, work for 45 minutes, check out, and go back to the depot."""
    drive(phone)
    phone.stay(45)
    phone.check_out(geofence, note=note)
    phone.stay(4)
    phone.drive_to(*DEPOT, minutes=20)


def items(town: Town, table: str) -> list[dict[str, Any]]:
    """Everything in a table, which only a test may scan."""
    pages = town.stack.client("dynamodb").get_paginator("scan")
    found = pages.paginate(TableName=town.stack.outputs[table])
    return [
        {name: next(iter(value.values())) for name, value in item.items()}
        for page in found
        for item in page["Items"]
    ]


def state(town: Town) -> dict[str, str]:
    """The state table but for single-use links and authorisations, which expire."""
    return {
        f"{each['pk']} {each['sk']}": text(each)
        for each in items(town, "StateTable")
        if not each["pk"].startswith(("link#", "authorisation#"))
        and not each["pk"].endswith("#calls")
    }


def text(item: dict[str, Any]) -> str:
    """A record as JSON; some lie deflated. A counter is none."""
    return zlib.decompress(item["whole"]).decode() if "whole" in item else item.get("body", "")


def pause_workers(town: Town, *, paused: bool = True) -> None:
    """Let what is queued lie in its queue, to be seen."""
    client = town.stack.client("lambda")
    for each in client.list_event_source_mappings()["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=each["UUID"], Enabled=not paused)


def return_soon(town: Town, queue: str) -> None:
    """Messages of a worker that died come again after a second, not after its six time-outs."""
    town.stack.client("sqs").set_queue_attributes(
        QueueUrl=town.stack.queue_url(queue), Attributes={"VisibilityTimeout": "1"}
    )


def end_the_lease(town: Town) -> None:
    """Have eleven minutes pass for a check-out whose writes were begun and did not end."""

    def begun() -> list[dict[str, Any]]:
        visits = [each for each in items(town, "StateTable") if each["sk"] == "visit"]
        return [each for each in visits if _checking_out(json.loads(text(each)).get("intent"))]

    wait_until(
        lambda: not town.salesforce.faults and bool(begun()),
        timeout=30,
        what="a check-out to begin that does not end",
    )
    for item in begun():
        whole = json.loads(text(item))
        whole["intent"] |= OVER
        _change(town, item, "whole", {"B": zlib.compress(json.dumps(whole).encode())})
    for item in [each for each in items(town, "StateTable") if each["sk"].startswith("sheet#")]:
        _change(town, item, "body", {"S": json.dumps(json.loads(item["body"]) | OVER)})


def _change(town: Town, item: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    town.stack.client("dynamodb").update_item(
        TableName=town.stack.outputs["StateTable"],
        Key={"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}},
        UpdateExpression=f"SET {name} = :value",
        ConditionExpression="version = :read",
        ExpressionAttributeValues={":read": {"N": item["version"]}, ":value": value},
    )


def _checking_out(intent: dict[str, Any] | None) -> bool:
    told = [intent["delivered"], *intent.get("others", ())] if intent else []
    return any(each["fact"]["kind"] == "checked out" for each in told)


def kill(town: Town, door: str) -> None:
    """SIGKILL to the processes in which this town's Lambda function runs."""
    address = f"AWS_ENDPOINT_URL={town.stack.client('sqs').meta.endpoint_url}".encode()
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes().split(b"\0")
            if f"{door}.lambda_handler".encode() in command and address in environment:
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
    assert killed


def writes_of(town: Town) -> list[Request]:
    """The calls in which the bundle wrote to Salesforce."""
    return [each for each in town.salesforce.requests if '"body"' in each.body]


@contextmanager
def opened(built: Path) -> Iterator[Town]:
    """A town, in which nothing may have gone wrong unnoticed when it is left."""
    with Town(MORNING, built=built) as town:
        yield town
        check_afterwards(town)


def check_afterwards(town: Town) -> None:
    logs = "\n".join(town.stack.logs())
    depths = town.stack.queue_depths()
    assert {name: each for name, each in depths.items() if "Dead" in name and any(each)} == {}
    assert town.hypertrack.breaches == []
    assert "START RequestId" in logs or "requestId" in logs or "request_id" in logs
    assert [each for each in given_away(town) if each in logs] == []
    assert EMAIL.search(logs) is None


def given_away(town: Town) -> list[str]:
    """What no log line may contain: secrets, tokens, people and places."""
    key = town.stack.client("secretsmanager")
    secrets = [
        key.get_secret_value(SecretId=each["ARN"])["SecretString"]
        for each in key.list_secrets()["SecretList"]
    ]
    accounts = [each.secret_key for each in town.hypertrack.world.accounts.values()]
    invitations = [each.link.rpartition("/")[2] for each in town.hypertrack.invites]
    # Ten metres; with fewer digits a moment or a duration might look alike.
    places = [str(part)[:7] for place in (DEPOT, SITE, NEW_SITE) for part in place]
    return [*secrets, *accounts, *invitations, *places, *TOKENS, APP["client_secret"], PEOPLE]

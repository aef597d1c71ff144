"""The whole way of an event, as others write it: what the bench puts beside ours.

FastAPI behind Mangum, pydantic, boto3, Powertools' FIFO processor and idempotency, requests.
The effects are those of ours: status, actual times, travel time, Events, time sheet entries, a
ledger; any order and any repetition of the events ends in the same rows.
"""

import hashlib
import hmac
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from fastapi import FastAPI, HTTPException, Request  # type: ignore[import-not-found, unused-ignore]
from mangum import Mangum  # type: ignore[import-not-found, unused-ignore]
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

logger = Logger(service="reference")
app = FastAPI()
handler = Mangum(app, lifespan="off")
sqs = boto3.client("sqs")
table = boto3.resource("dynamodb").Table(os.environ["STATE_TABLE"])
ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER_TABLE"])
salesforce = requests.Session()
salesforce.headers["Authorization"] = f"Bearer {os.environ['SALESFORCE_TOKEN']}"
BASE = f"{os.environ['SALESFORCE_URL']}/services/data/v{os.environ['SALESFORCE_API_VERSION']}"
TIMEOUT = (3, 20)
RANKS = ["None", "Scheduled", "Dispatched", "InProgress", "CannotComplete", "Completed"]
MINUTE = "%Y-%m-%dT%H:%M:00Z"


class Event(BaseModel):
    """One event of HyperTrack's."""

    type: str
    device_id: str
    created_at: AwareDatetime
    recorded_at: AwareDatetime
    worker_handle: str
    data: dict[str, Any]


class Fact(BaseModel):
    """What an event says, in the words of Field Service."""

    key: str
    kind: str
    at: AwareDatetime
    appointment: str
    resource: str
    travel: float | None = None


Events = TypeAdapter(list[Event])


# ── the door ─────────────────────────────────────────────────────────────────


@app.post("/webhooks/hypertrack/{connection}")  # type: ignore[untyped-decorator, unused-ignore]
async def receive(connection: str, request: Request) -> dict[str, str]:
    """Check the signature, queue the events, answer."""
    body = await request.body()
    secret = os.environ["HYPERTRACK_SECRET"].encode()
    expected = hmac.new(secret, body, hashlib.sha1).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-hypertrack-signature", "")):
        raise HTTPException(401, "webhook refused")
    try:
        found = Events.validate_json(body)
    except ValidationError as error:
        raise HTTPException(400, "webhook not understood") from error
    send([_entry(number, connection, each) for number, each in enumerate(found)])
    return {"message": "webhook accepted"}


def receive_webhook(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One delivery, in API Gateway's payload format 2.0."""
    answer: dict[str, Any] = handler(event, context)
    return answer


def send(entries: list[dict[str, str]]) -> None:
    for start in range(0, len(entries), 10):
        batch = entries[start : start + 10]
        answer = sqs.send_message_batch(QueueUrl=os.environ["EVENTS_QUEUE_URL"], Entries=batch)
        if answer.get("Failed"):
            raise HTTPException(503, "try again")


def _entry(number: int, connection: str, event: Event) -> dict[str, str]:
    body = event.model_dump_json()
    return {
        "Id": str(number),
        "MessageBody": body,
        "MessageGroupId": hashlib.sha256(f"{connection}{event.device_id}".encode()).hexdigest(),
        "MessageDeduplicationId": hashlib.sha256(f"{connection}{body}".encode()).hexdigest(),
    }


# ── the worker ───────────────────────────────────────────────────────────────

processor = SqsFifoPartialProcessor()
persistence = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(event_key_jmespath="key", expires_after_seconds=8 * 24 * 3600)


@logger.inject_lambda_context
def update_salesforce(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch of events."""
    config.register_lambda_context(context)
    return dict(
        process_partial_response(
            event=event, record_handler=take, processor=processor, context=context
        )
    )


def take(record: SQSRecord) -> None:
    fact = read(Event.model_validate_json(record.body))
    logger.info("event", kind=fact.kind)
    delivery = record.attributes.message_deduplication_id
    first = apply_once(fact=fact.model_dump(mode="json") | {"delivery": delivery})
    if first != delivery:  # an outcome for every event, as ours has it
        row = {"pk": fact.resource, "sk": f"{fact.key}/{delivery}", "kind": "duplicate"}
        ledger.put_item(Item=row)


def read(event: Event) -> Fact:
    ids = event.data.get("geofence_metadata") or event.data["metadata"]
    kind = {"entry": "Arrived", "exit": "Left", "completed": "Checked out"}[event.data["value"]]
    crossing = {"Arrived": "arrival", "Left": "exit"}.get(kind, "")
    at = (event.data.get(crossing) or {}).get("recorded_at") or event.recorded_at
    way = event.data.get("route_to") or {}
    travel = (way["duration"] - way.get("idle_time", 0)) / 60 if way else None
    subject = event.data.get("marker_id") or event.data.get("order_handle")
    return Fact(
        key=f"{subject}/{event.data['value']}",
        kind=kind,
        at=at,
        appointment=ids["service_appointment_id"],
        resource=ids["service_resource_id"],
        travel=travel,
    )


def apply(fact: dict[str, Any]) -> str:
    """The state of the visit, then what it calls for in Salesforce, then the ledger.

    Returns the delivery, for whoever tells it again.
    """
    told = Fact.model_validate(fact)
    key = {"pk": told.appointment, "sk": "visit"}
    visit = table.get_item(Key=key, ConsistentRead=True).get("Item") or dict(key)
    at = told.at.astimezone(UTC).strftime(MINUTE)
    visit[told.kind] = min(visit.get(told.kind) or at, at)
    if told.travel is not None:
        visit["travel"] = str(told.travel)
    wrote = write(told, at, visit)
    table.put_item(Item=visit)
    row = {"pk": told.resource, "sk": told.key, "kind": told.kind, "wrote": json.dumps(wrote)}
    ledger.put_item(Item=row)
    return str(fact["delivery"])


apply_once = idempotent_function(
    apply, data_keyword_argument="fact", persistence_store=persistence, config=config
)


def write(fact: Fact, at: str, visit: dict[str, Any]) -> dict[str, Any]:
    work = query(
        "SELECT Status, StatusCategory, ActualStartTime, ActualEndTime, ParentRecordId "
        f"FROM ServiceAppointment WHERE Id = '{fact.appointment}'"
    )[0]
    assigned = query(
        "SELECT Id, ActualTravelTime, ServiceResource.Name FROM AssignedResource "
        f"WHERE ServiceAppointmentId = '{fact.appointment}' "
        f"AND ServiceResourceId = '{fact.resource}'"
    )[0]
    changes = changed(work, visit)
    if changes:
        call("PATCH", f"/sobjects/ServiceAppointment/{fact.appointment}", changes)
    if visit.get("travel") and assigned["ActualTravelTime"] is None:
        minutes = {"ActualTravelTime": float(visit["travel"])}
        call("PATCH", f"/sobjects/AssignedResource/{assigned['Id']}", minutes)
    tell(fact, at, assigned["ServiceResource"]["Name"])
    book(fact, visit, work["ParentRecordId"])
    return changes


def changed(work: dict[str, Any], visit: dict[str, Any]) -> dict[str, Any]:
    """Forward only."""
    wanted = "Completed" if visit.get("Checked out") else "In Progress"
    found: dict[str, Any] = {}
    if RANKS.index(wanted.replace(" ", "")) > RANKS.index(work["StatusCategory"]):
        found["Status"] = wanted
    start = visit.get("Arrived")
    end = min(filter(None, (visit.get("Checked out"), visit.get("Left"))), default=None)
    for field, value in (("ActualStartTime", start), ("ActualEndTime", end)):
        if value and _minute(work[field]) != value:
            found[field] = value
    return found


def tell(fact: Fact, at: str, name: str) -> None:
    row = {
        "WhatId": fact.appointment,
        "Subject": f"{fact.kind}: {name}",
        "Description": f"{name}: {fact.kind} at {at}",
        "StartDateTime": at,
        "DurationInMinutes": 1,
        "ShowAs": "Free",
        "IsReminderSet": False,
    }
    call("POST", "/sobjects/Event", row)


def book(fact: Fact, visit: dict[str, Any], work_order: str) -> None:
    """The time sheet entry, made once the visit is known from end to end, and mended later."""
    start, done = visit.get("Arrived"), visit.get("Checked out")
    if not (start and done):
        return
    times = {"StartTime": start, "EndTime": min(done, visit.get("Left") or done)}
    if visit.get("entry"):
        call("PATCH", f"/sobjects/TimeSheetEntry/{visit['entry']}", times)
        return
    day = start[:10]
    sheets = query(
        f"SELECT Id FROM TimeSheet WHERE ServiceResourceId = '{fact.resource}' "
        f"AND StartDate <= {day} AND EndDate >= {day}"
    )
    sheet = sheets[0]["Id"] if sheets else _sheet(fact.resource, day)
    entry = {
        "TimeSheetId": sheet,
        "Subject": "Site visit",
        "Type": "Direct",
        "WorkOrderId": work_order,
        **times,
    }
    visit["entry"] = call("POST", "/sobjects/TimeSheetEntry", entry)["id"]


def _sheet(resource: str, day: str) -> str:
    sheet = {"ServiceResourceId": resource, "StartDate": day, "EndDate": day}
    return str(call("POST", "/sobjects/TimeSheet", sheet)["id"])


def query(soql: str) -> list[dict[str, Any]]:
    answer = salesforce.get(f"{BASE}/query", params={"q": soql}, timeout=TIMEOUT)
    answer.raise_for_status()
    records: list[dict[str, Any]] = answer.json()["records"]
    return records


def call(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = salesforce.request(method, BASE + path, json=body, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json() if answer.content else {}


def _minute(told: str | None) -> str | None:
    if told is None:
        return None
    moment = datetime.fromisoformat(told).astimezone(UTC)
    return (moment - timedelta(seconds=moment.second)).strftime(MINUTE)

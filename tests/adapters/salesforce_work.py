"""What the tests of looks and writes have in common: an org, and valid things to ask of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from fieldlink.adapters.salesforce import Known, SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import NOTHING_MORE
from fieldlink.models import Look, NewEvent, NewSheet, NewTask, SheetEntry, Writes
from fieldlink.writing import activity
from tests.local.salesforce_setting import allow, exchange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fieldlink.adapters.salesforce_soql import Wants
    from local.salesforce import FakeSalesforce

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Key:
    """A pass that nobody renews."""

    def __init__(self, url: str, token: str = "") -> None:
        self.instance_url, self.token = url, token

    def renew(self, why: str) -> None:
        raise AssertionError(why)

    def give_up(self, code: str, message: str) -> None:
        raise AssertionError(code, message)


@contextmanager
def session() -> Iterator[requests.Session]:
    with requests.Session() as http:
        http.trust_env = False
        yield http


def connected(
    salesforce: FakeSalesforce,
    http: requests.Session,
    wants: Wants = NOTHING_MORE,
    *,
    unreadable: Collection[str] = (),
    keyed: Collection[str] = (),
) -> SalesforceOrg:
    """The adapter on a simulated org."""
    token = str(exchange(salesforce, allow(salesforce)).json()["access_token"])
    rest = SalesforceRest(http, Key(salesforce.url, token), "67.0")
    user = salesforce.integration_user_id
    return SalesforceOrg(rest, "c", user, wants, lambda: Known(unreadable, keyed))


def look(appointment: str, resource: str, **more: Any) -> Look:
    fields = {"appointment": appointment, "resource": resource, "day": NOW, **more}
    return Look.model_validate(fields)


def writes(appointment: str, **more: Any) -> Writes:
    return Writes.model_validate({"appointment": appointment, **more})


def told(
    key: str = "key", subject: str = "Arrived: Rosa", at: datetime = NOW, **more: Any
) -> NewEvent:
    text = f"Rosa: arrived\n{activity.reference(key)}"
    fields = {"key": key, "starts_at": at, "minutes": 1, "subject": subject}
    return NewEvent.model_validate({**fields, "description": text, **more})


def task(key: str = "key", **more: Any) -> NewTask:
    fields = {
        "key": key,
        "subject": "Not tracked: Rosa",
        "description": f"Airplane mode\n{activity.reference(key)}",
        "due": NOW.date(),
    }
    return NewTask.model_validate(fields | more)


def sheet(resource: str, key: str = "sheet", **more: Any) -> NewSheet:
    fields = {"key": key, "resource": resource, "first": NOW.date(), "last": NOW.date()}
    return NewSheet.model_validate(fields | more)


def booked(resource: str, key: str = "key", **more: Any) -> SheetEntry:
    """An entry; of a sheet that is made with it unless another is named."""
    on = {} if {"sheet", "id"} & {*more} else {"new_sheet": "sheet"}
    fields = {
        "key": key,
        "resource": resource,
        "starts_at": NOW,
        "ends_at": NOW + HOUR,
        "subject": "Site visit",
        "description": activity.reference(key),
    }
    return SheetEntry.model_validate(fields | on | more)


def assigned(salesforce: FakeSalesforce, appointment: str, resource: str = "") -> str:
    """The id of the assignment, of the first one if no resource is named."""
    return next(
        str(row["Id"])
        for row in salesforce.rows("AssignedResource")
        if row["ServiceAppointmentId"] == appointment
        and resource in {"", row["ServiceResourceId"]}
    )


def queries(salesforce: FakeSalesforce) -> list[list[str]]:
    """The queries of each call."""
    bodies = [
        json.loads(each.body) for each in salesforce.requests if each.path.endswith("composite")
    ]
    return [[each["url"] for each in body["compositeRequest"]] for body in bodies]

"""simple-salesforce at work in the simulated org; what it got is printed as JSON."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

from local import redirect

AWKWARD = "O'Neill \\ 100 %_\n"  # of which SOQL must quote nearly everything


def main() -> None:
    asked = json.loads(sys.argv[1])
    sf = opened(asked, asked["client_secret"])
    told = {
        "wrong secret": authentication(lambda: opened(asked, "wrong")),
        "by jwt": by_jwt(asked),
        **reading(sf, asked),
        **writing(sf),
        **changes(sf, asked),
        **together(sf),
        "refused": refused(sf),
    }
    sf.oauth2("revoke", {"token": sf.session_id}, method="POST")
    told["after the session's end"] = sf.query("SELECT count() FROM User")["totalSize"]
    json.dump(told, sys.stdout)


def opened(asked: dict[str, Any], secret: str) -> Salesforce:
    return Salesforce(
        consumer_key=asked["client_id"],
        consumer_secret=secret,
        domain="acme.my",
        session=redirect.Session(asked["url"]),
    )


def by_jwt(asked: dict[str, Any]) -> int:
    sf = Salesforce(
        username=asked["username"],
        consumer_key=asked["client_id"],
        privatekey=asked["key"],
        session=redirect.Session(asked["url"]),
    )
    return int(sf.query("SELECT count() FROM User")["totalSize"])


def reading(sf: Salesforce, asked: dict[str, Any]) -> dict[str, Any]:
    soql = "SELECT Id, Subject, Address, OwnerId FROM ServiceAppointment ORDER BY Id"
    rows = sf.query_all(soql)
    parents = "SELECT ServiceResource.RelatedRecord.Email FROM AssignedResource LIMIT 1"
    return {
        "objects": [each["name"] for each in sf.describe()["sobjects"]],
        "fields": [each["name"] for each in sf.ServiceAppointment.describe()["fields"]],
        "about": sf.ServiceAppointment.metadata()["objectDescribe"]["keyPrefix"],
        "rows": [each["Id"] for each in rows["records"]],
        "first": rows["records"][0],
        "with deleted": len(sf.query_all(soql, include_deleted=True)["records"]),
        "parents": sf.query(parents)["records"][0],
        "one": sf.ServiceAppointment.get(asked["appointment"])["Subject"],
        "usage": sf.api_usage["api-usage"]._asdict(),
        "limits": sf.limits()["DailyApiRequests"],
    }


def writing(sf: Salesforce) -> dict[str, Any]:
    orders, key = sf.WorkOrder, "Key__c/key-1"
    made = orders.create({"Subject": AWKWARD})
    soql = format_soql("SELECT Id FROM WorkOrder WHERE Subject = {}", AWKWARD)
    return {
        "created": made,
        "found": [each["Id"] for each in sf.query(soql)["records"]],
        "updated": orders.update(made["id"], {"Subject": "Boiler"}),
        "upserted": [orders.upsert(key, {"Subject": each}) for each in ("Pipe", "Pump")],
        "by key": orders.get_by_custom_id("Key__c", "key-1")["Subject"],
        "deleted": orders.delete(made["id"]),
    }


def changes(sf: Salesforce, asked: dict[str, Any]) -> dict[str, Any]:
    span = [datetime.fromisoformat(each) for each in asked["span"]]
    return {
        "updated since": sf.ServiceAppointment.updated(*span),
        "deleted since": sf.ServiceAppointment.deleted(*span),
    }


def together(sf: Salesforce) -> dict[str, Any]:
    records = [
        {"attributes": {"type": "WorkOrder"}, "Subject": "Good"},
        {"attributes": {"type": "WorkOrder"}, "Subject": "Forbidden"},
    ]
    body = {"allOrNone": False, "records": records}
    parts = [
        part("POST", "sobjects/WorkOrder", "made", {"Subject": "Composed"}),
        part("GET", "sobjects/WorkOrder/@{made.id}?fields=Subject", "read"),
    ]
    composite = {"allOrNone": True, "compositeRequest": parts}
    return {
        "collection": sf.restful("composite/sobjects", method="POST", json=body),
        "composite": sf.restful("composite", method="POST", json=composite),
        "graphs": sf.restful("composite/graph", method="POST", json={"graphs": graphs()}),
    }


def graphs() -> list[dict[str, Any]]:
    """One that can be carried out, and one that can't."""
    key, line = "sobjects/WorkOrder/Key__c", {"WorkOrderId": "@{made.id}"}
    whole = [
        part("PATCH", f"{key}/graph-1", "made", {"Subject": "Drawn"}),
        part("POST", "sobjects/WorkOrderLineItem", "line", line),
    ]
    broken = [
        part("PATCH", f"{key}/graph-2", "made", {"Subject": "Undrawn"}),
        part("POST", "sobjects/WorkOrder", "bad", {"Subject": "Forbidden"}),
    ]
    parts = {"whole": whole, "broken": broken}
    return [{"graphId": name, "compositeRequest": each} for name, each in parts.items()]


def part(method: str, path: str, reference: str, body: Any = None) -> dict[str, Any]:
    asked = {
        "method": method,
        "url": f"/services/data/v59.0/{path}",
        "referenceId": reference,
    }
    return asked if body is None else asked | {"body": body}


def refused(sf: Salesforce) -> dict[str, Any]:
    """What the client makes of each refusal: its own class, the status, the code."""
    missing = "0WO000000000000AAA"
    calls: dict[str, Callable[[], Any]] = {
        "query": lambda: sf.query("SELECT Id FROM WorkOrder WHERE"),
        "field": lambda: sf.query("SELECT Nope FROM WorkOrder"),
        "object": lambda: sf.query("SELECT Id FROM Nope"),
        "record": lambda: sf.WorkOrder.get(missing),
        "rule": lambda: sf.WorkOrder.create({"Subject": "Forbidden"}),
        "required": lambda: sf.ServiceResource.create({}),
        "twice": lambda: sf.WorkOrder.get_by_custom_id("Twice__c", "same"),
    }
    return {name: error(call) for name, call in calls.items()}


def error(call: Callable[[], Any]) -> list[Any]:
    try:
        call()
    except SalesforceError as raised:
        content = raised.content[0]
        code = content["errorCode"] if isinstance(content, dict) else len(raised.content)
        return [type(raised).__name__, raised.status, code]
    return []


def authentication(call: Callable[[], Any]) -> list[Any]:
    try:
        call()
    except SalesforceAuthenticationFailed as raised:
        return [raised.code, raised.auth_message]
    return []


if __name__ == "__main__":
    main()

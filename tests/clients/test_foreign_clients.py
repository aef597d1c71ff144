"""The simulated Salesforce as clients find it that nobody here wrote.

Each runs in a process of its own, by a small script in `drivers`, and tells what it got.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from local.salesforce import FakeSalesforce
from tests.local.salesforce_setting import CLIENT, Clock, allow, exchange

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = Path(__file__).parent / "drivers"
MADE = ROOT / ".venv-clients" / "made"
PYTHON = str(ROOT / ".venv-clients" / "bin" / "python")
NODE = "node"
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
TIME_LIMIT = 60  # seconds for one client; each is done in two

JOBS, PAGE = 25, 10
MISSING = "0WO000000000000AAA"

Json = dict[str, Any]


def run(*command: str) -> str:
    """What a client printed, if it ended well."""
    assert MADE.exists(), "the foreign clients are not installed: make .venv-clients/made"
    ended = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=TIME_LIMIT
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return ended.stdout


def driver(name: str) -> str:
    return str(DRIVERS / name)


@dataclass
class Visit:
    """An org after one client has worked in it, and what the client tells."""

    salesforce: FakeSalesforce
    jobs: list[str]
    deleted: str
    told: Json

    def orders(self) -> list[str]:
        return [row["Subject"] for row in self.salesforce.rows("WorkOrder") if row["Subject"]]

    def grants(self) -> list[tuple[str, str | None]]:
        return [(each.grant_type, each.error) for each in self.salesforce.token_requests]


@cache
def keys() -> tuple[str, str]:
    """A private key and its public one."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key()
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


def visited(*command: str) -> Iterator[Visit]:
    private, public = keys()
    now = datetime.now(
        UTC
    )  # an assertion is good for minutes: the org needs the client's clock
    with FakeSalesforce(page_size=PAGE) as org:
        org.run_as, org.certificate = org.integration_user_id, public
        username = org.row("User", org.integration_user_id)["Username"]
        org.approved.add(username)
        org.add_field("WorkOrder", "Key__c", external_id=True, unique=True)
        org.add_field("WorkOrder", "Twice__c", external_id=True)
        org.refuse.append({"object": "WorkOrder", "field": "Subject", "value": "Forbidden"})
        jobs, deleted = filled(org, now)
        asked = CLIENT | {
            "url": org.url,
            "username": username,
            "key": private,
            "appointment": jobs[3],
            "missing": MISSING,
            "span": [str(now - timedelta(minutes=5)), str(now + timedelta(minutes=5))],
        }
        told = json.loads(run(*command, json.dumps(asked)))
        yield Visit(org, jobs, deleted, told)


def filled(org: FakeSalesforce, now: datetime) -> tuple[list[str], str]:
    """Appointments in more than two pages, and a deleted one."""
    rosa = org.add_resource("Rosa", "rosa@example.com")
    starts = [now + timedelta(hours=number) for number in range(JOBS)]
    jobs = [
        org.add_appointment(rosa, start, Subject=f"Job {number}", City="Berlin")
        for number, start in enumerate(starts)
    ]
    deleted = org.add_appointment(None, now)
    org.delete("ServiceAppointment", deleted)
    for _ in range(2):
        org.insert("WorkOrder", Twice__c="same")
    return jobs, deleted


@pytest.fixture(scope="module")
def simple_salesforce() -> Iterator[Visit]:
    yield from visited(PYTHON, driver("with_simple_salesforce.py"))


@pytest.fixture(scope="module")
def jsforce() -> Iterator[Visit]:
    yield from visited(NODE, driver("with_jsforce.mjs"))


@pytest.fixture(scope="module", params=["simple_salesforce", "jsforce"])
def either(request: pytest.FixtureRequest) -> Visit:
    visit: Visit = request.getfixturevalue(request.param)
    return visit


# ── what both do ───────────────────────────────────────────────────────────────


def test_a_client_reads_every_page_of_a_query_and_the_deleted_rows_if_it_asks(
    either: Visit,
) -> None:
    assert len(either.jobs) > 2 * PAGE
    assert either.told["rows"] == sorted(either.jobs)
    assert either.told["with deleted"] == JOBS + 1


def test_a_client_finds_out_what_the_org_has(either: Visit) -> None:
    org = either.salesforce.org

    assert either.told["objects"] == list(org.objects)
    assert either.told["fields"] == list(org.objects["ServiceAppointment"].fields)


def test_a_client_reads_usage_and_limits_where_it_looks_for_them(either: Visit) -> None:
    usage, limits = either.told["usage"], either.told["limits"]

    assert limits["Max"] == (usage.get("total") or usage.get("limit")) == 100_000
    assert 0 < usage["used"] < either.salesforce.api_calls
    assert 0 < limits["Max"] - limits["Remaining"] <= either.salesforce.api_calls


def test_a_client_creates_finds_updates_and_deletes_a_row(either: Visit) -> None:
    created, changed = either.told["created"], either.told["updated"]

    assert (created["success"], created["errors"]) == (True, [])
    assert either.told["found"] == [created["id"]]
    assert changed in (204, {"id": created["id"], "success": True, "errors": []})
    assert either.told["deleted"] == changed
    assert either.salesforce.row("WorkOrder", created["id"])["IsDeleted"] is True
    assert either.salesforce.row("WorkOrder", created["id"])["Subject"] == "Boiler"


def test_a_client_is_told_what_was_touched_and_what_was_deleted(either: Visit) -> None:
    touched, gone = either.told["updated since"], either.told["deleted since"]

    assert touched["ids"] == sorted(either.jobs)
    assert [each["id"] for each in gone["deletedRecords"]] == [either.deleted]
    assert touched["latestDateCovered"] == gone["latestDateCovered"]
    assert gone["earliestDateAvailable"] < gone["deletedRecords"][0]["deletedDate"]


def test_a_client_writes_a_collection_whose_bad_records_fail_alone(either: Visit) -> None:
    good, bad = either.told["collection"]

    assert (good["success"], bad["success"]) == (True, False)
    assert bad["errors"][0]["statusCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert "Forbidden" not in either.orders()


def test_a_client_reads_in_a_composite_what_it_has_just_made(either: Visit) -> None:
    made, read = either.told["composite"]["compositeResponse"]

    assert (made["httpStatusCode"], read["httpStatusCode"]) == (201, 200)
    assert read["body"]["Subject"] == "Composed"
    assert either.orders().count("Composed") == 1


def test_a_client_draws_a_graph_that_is_made_and_one_of_which_nothing_is_left(
    either: Visit,
) -> None:
    whole, broken = either.told["graphs"]["graphs"]
    made, bad = (each["graphResponse"]["compositeResponse"] for each in (whole, broken))

    assert (whole["isSuccessful"], broken["isSuccessful"]) == (True, False)
    assert [each["httpStatusCode"] for each in made] == [201, 201]
    assert [each["body"][0]["errorCode"] for each in bad] == [
        "PROCESSING_HALTED",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    ]
    assert "Drawn" in either.orders()
    assert "Undrawn" not in either.orders()


# ── simple-salesforce ──────────────────────────────────────────────────────────


def test_simple_salesforce_logs_in_by_client_credentials_and_by_jwt(
    simple_salesforce: Visit,
) -> None:
    refused = ["invalid_client", "invalid client credentials"]
    jwt = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    assert simple_salesforce.told["wrong secret"] == refused
    assert simple_salesforce.told["by jwt"] == len(simple_salesforce.salesforce.rows("User"))
    assert simple_salesforce.grants()[:3] == [
        ("client_credentials", None),
        ("client_credentials", "invalid_client"),
        (jwt, None),
    ]


def test_simple_salesforce_logs_in_again_when_its_session_has_ended(
    simple_salesforce: Visit,
) -> None:
    users = len(simple_salesforce.salesforce.rows("User"))

    assert simple_salesforce.told["after the session's end"] == users
    assert simple_salesforce.grants()[3:] == [("client_credentials", None)]
    assert [each.status for each in simple_salesforce.salesforce.requests[-2:]] == [401, 200]


def test_simple_salesforce_reads_parents_and_compound_fields(simple_salesforce: Visit) -> None:
    first, parents = simple_salesforce.told["first"], simple_salesforce.told["parents"]

    assert first["attributes"]["type"] == "ServiceAppointment"
    assert first["Address"]["city"] == "Berlin"
    assert parents["ServiceResource"]["RelatedRecord"]["Email"] == "rosa@example.com"
    assert simple_salesforce.told["one"] == "Job 3"
    assert simple_salesforce.told["about"] == "08p"


def test_simple_salesforce_upserts_by_an_external_id(simple_salesforce: Visit) -> None:
    assert simple_salesforce.told["upserted"] == [201, 200]
    assert simple_salesforce.told["by key"] == "Pump"


def test_simple_salesforce_tells_refusals_apart(simple_salesforce: Visit) -> None:
    malformed = "SalesforceMalformedRequest"

    assert simple_salesforce.told["refused"] == {
        "query": [malformed, 400, "MALFORMED_QUERY"],
        "field": [malformed, 400, "INVALID_FIELD"],
        "object": [malformed, 400, "INVALID_TYPE"],
        "record": ["SalesforceResourceNotFound", 404, "NOT_FOUND"],
        "rule": [malformed, 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION"],
        "required": [malformed, 400, "REQUIRED_FIELD_MISSING"],
        "twice": ["SalesforceMoreThanOneRecord", 300, 2],
    }


# ── jsforce ────────────────────────────────────────────────────────────────────


def test_jsforce_takes_a_user_through_the_web_server_flow(jsforce: Visit) -> None:
    org = jsforce.salesforce

    assert jsforce.told["user"]["id"] == org.integration_user_id
    assert jsforce.told["user"]["organizationId"] == org.org_id
    assert jsforce.told["identity"] == "ida@example.com"
    assert jsforce.told["wrong code"] == ["invalid_grant", "expired authorization code"]


def test_jsforce_asks_for_pages_counts_and_rows_one_by_one(jsforce: Visit) -> None:
    assert jsforce.told["pages"] == [PAGE, False, PAGE, False]
    assert jsforce.told["counted"] == 1
    assert jsforce.told["first found"]["Id"] == jsforce.jobs[3]
    assert jsforce.told["first found"]["Owner"]["Name"] == "Dana Dispatcher"
    assert jsforce.told["later"] == PAGE
    assert jsforce.told["one"] == "Job 3"
    assert jsforce.told["several"] == ["Job 3", None]


def test_jsforce_upserts_one_row_and_several(jsforce: Visit) -> None:
    assert [each["created"] for each in jsforce.told["upserted"]] == [True, False]
    assert [each["created"] for each in jsforce.told["keyed"]] == [False, True]
    assert {"Tap", "Tub"} <= set(jsforce.orders())


def test_jsforce_updates_and_deletes_collections(jsforce: Visit) -> None:
    codes = [each["errors"][0]["statusCode"] for each in jsforce.told["undone"]]

    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    assert [each["success"] for each in jsforce.told["changed"]] == [True, False]
    assert [each["success"] for each in jsforce.told["destroyed"]] == [True, False]
    assert {"Undone", "Better"} & set(jsforce.orders()) == set()


def test_jsforce_tells_refusals_apart(jsforce: Visit) -> None:
    codes = {
        "query": "MALFORMED_QUERY",
        "field": "INVALID_FIELD",
        "object": "INVALID_TYPE",
        "record": "NOT_FOUND",
        "rule": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "twice": "MULTIPLE_CHOICES",
    }

    assert jsforce.told["refused"] == {what: [code, code] for what, code in codes.items()}


def test_jsforce_renews_an_ended_session_by_itself_and_is_given_the_next_token(
    jsforce: Visit,
) -> None:
    users, renewed = len(jsforce.salesforce.rows("User")), jsforce.told["renewed"]

    assert renewed["counted"] == [[users, users]] * 2
    assert renewed["tokens"] == 3
    assert jsforce.grants()[2:4] == [("refresh_token", None)] * 2


def test_a_spent_token_that_jsforce_shows_again_ends_everything(jsforce: Visit) -> None:
    dead = "expired access/refresh token"

    assert jsforce.told["renewed"]["replayed"] == ["invalid_grant", dead]
    assert jsforce.told["renewed"]["afterwards"] == [
        "Error",
        f"Unable to refresh session due to: {dead}",
    ]


# ── tap-salesforce ─────────────────────────────────────────────────────────────

STREAMS = ("AssignedResource", "ServiceAppointment", "ServiceResource")
MORNING = datetime(2026, 3, 4, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Tap:
    """tap-salesforce on an org, and the files that it keeps between its runs."""

    def __init__(self, salesforce: FakeSalesforce, folder: Path) -> None:
        self.salesforce = salesforce
        self.config, self.catalog = folder / "config.json", folder / "catalog.json"
        self.state = folder / "state.json"
        token = exchange(salesforce, allow(salesforce)).json()["refresh_token"]
        self.config.write_text(
            json.dumps(
                CLIENT
                | {
                    "refresh_token": token,
                    "start_date": "2026-01-01T00:00:00Z",
                    "api_type": "REST",
                    "select_fields_by_default": "true",
                }
            )
        )
        self.state.write_text("{}")

    def discover(self) -> Json:
        found: Json = json.loads(self._run("--discover"))
        return found

    def select(self, found: Json, *names: str) -> None:
        streams = [each for each in found["streams"] if each["stream"] in names]
        for stream in streams:
            own = next(each for each in stream["metadata"] if not each["breadcrumb"])
            key = own["metadata"]["valid-replication-keys"][0]
            own["metadata"] |= {
                "selected": True,
                "replication-method": "INCREMENTAL",
                "replication-key": key,
            }
        self.catalog.write_text(json.dumps({"streams": streams}))

    def sync(self) -> dict[str, list[Json]]:
        """The records of each stream; the last state is kept for the next run."""
        printed = self._run("--properties", str(self.catalog), "--state", str(self.state))
        messages = [json.loads(line) for line in printed.splitlines()]
        states = [each["value"] for each in messages if each["type"] == "STATE"]
        self.state.write_text(json.dumps(states[-1]))
        records = [each for each in messages if each["type"] == "RECORD"]
        return {
            name: [each["record"] for each in records if each["stream"] == name]
            for name in STREAMS
        }

    def _run(self, *arguments: str) -> str:
        own = ("--config", str(self.config), *arguments)
        return run(PYTHON, driver("with_tap_salesforce.py"), self.salesforce.url, *own)


@dataclass
class Synced:
    """An org that was synced, changed a little, and synced again."""

    salesforce: FakeSalesforce
    found: Json
    jobs: list[str]
    first: dict[str, list[Json]]
    second: dict[str, list[Json]]
    calls: list[int]


@pytest.fixture(scope="module")
def tap_salesforce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    clock = Clock(MORNING)
    with FakeSalesforce(clock=clock, page_size=PAGE) as org:
        rosa, jobs = org.add_resource("Rosa", "rosa@example.com"), []
        for number in range(JOBS):
            clock.now += MINUTE
            jobs.append(org.add_appointment(rosa, clock.now, Subject=f"Job {number}"))
        tap = Tap(org, tmp_path_factory.mktemp("tap"))
        found = tap.discover()
        tap.select(found, *STREAMS)
        before = org.api_calls
        first = tap.sync()
        between = org.api_calls
        clock.now += MINUTE
        org.update("ServiceAppointment", jobs[4], Subject="Boiler")
        org.delete("ServiceAppointment", jobs[7])
        second = tap.sync()
        calls = [between - before, org.api_calls - between]
        yield Synced(org, found, jobs, first, second, calls)


def ids(rows: list[Json]) -> list[str]:
    return [each["Id"] for each in rows]


def test_the_tap_discovers_every_object_and_field(tap_salesforce: Synced) -> None:
    found = {
        each["stream"]: set(each["schema"]["properties"])
        for each in tap_salesforce.found["streams"]
    }

    assert found == {
        name: set(each.fields) for name, each in tap_salesforce.salesforce.org.objects.items()
    }


def test_the_tap_reads_every_row_of_its_streams(tap_salesforce: Synced) -> None:
    first, org = tap_salesforce.first, tap_salesforce.salesforce

    assert ids(first["ServiceAppointment"]) == tap_salesforce.jobs
    assert len(first["AssignedResource"]) == JOBS
    assert ids(first["ServiceResource"]) == ids(org.rows("ServiceResource"))
    assert first["ServiceAppointment"][3]["Subject"] == "Job 3"
    assert first["ServiceAppointment"][3]["SystemModstamp"] == "2026-03-04T08:04:00.000000Z"


def test_the_tap_reads_only_what_changed_and_what_its_bookmark_names_again(
    tap_salesforce: Synced,
) -> None:
    second, jobs = tap_salesforce.second, tap_salesforce.jobs
    changed = {each["Id"]: each for each in second["ServiceAppointment"]}

    assert set(changed) == {jobs[-1], jobs[4], jobs[7]}
    assert changed[jobs[4]]["Subject"] == "Boiler"
    assert changed[jobs[7]]["IsDeleted"] is True
    assert len(second["ServiceResource"]) == 1


def test_the_tap_renews_its_token_at_every_start_and_keeps_the_next_one(
    tap_salesforce: Synced,
) -> None:
    grants = [each.grant_type for each in tap_salesforce.salesforce.token_requests]

    assert grants == ["authorization_code"] + ["refresh_token"] * 3
    assert all(each.error is None for each in tap_salesforce.salesforce.token_requests)


def test_the_tap_calls_for_every_page_of_every_stream(tap_salesforce: Synced) -> None:
    pages = -(-JOBS // PAGE)

    assert tap_salesforce.calls == [2 * pages + 1, len(STREAMS)]

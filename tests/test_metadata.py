"""What may be deployed into an org: valid as Salesforce's own tools see it, and neither more
nor less than what the adapters ask for and fill.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import requests

from fieldlink.adapters import salesforce_describe, salesforce_footprint
from fieldlink.adapters.salesforce_requests import KEY, row_key
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.models import LINK_LENGTH, Ability
from local.salesforce import FakeSalesforce
from tests.local.salesforce_setting import Caller, running

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "salesforce"
NODE = "node"
SOURCE = PROJECT / "force-app" / "main" / "default"
FILES = sorted(PROJECT.rglob("*.xml"))
CLIENTS = ROOT / "tests" / "clients"
TYPES = CLIENTS / "node_modules" / "@salesforce" / "types" / "lib" / "metadata.d.ts"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
TIME_LIMIT = 60  # seconds; it takes two

LINK, DISTANCE = "Fieldlink_Live_Link__c", "Fieldlink_Travel_Distance__c"
# What a connection may want beyond the rest, by the permission set that grants it.
WANTED = {
    "Fieldlink": Wants(share_field=LINK, distance=DISTANCE),
    "Fieldlink_Shifts": Wants(shifts=True),
    "Fieldlink_Positions": Wants(positions=True),
    "Fieldlink_Primary_Resource": Wants(primary=True),
}
SETS = tuple(WANTED)

# ── what a permission set can name ─────────────────────────────────────────────
# Security of these fields can't be set, or not one by one: they are the system's own; required,
# numbered by the org, or the parent of a detail; or of objects that have no such security.
SYSTEM = {"Id", "IsDeleted", "LastModifiedById", "LastModifiedDate"}
ALWAYS = {
    "AssignedResource.ServiceAppointmentId",
    "AssignedResource.ServiceResourceId",
    "OperatingHours.TimeZone",
    "ServiceAppointment.AppointmentNumber",
    "ServiceAppointment.ParentRecordId",
    "ServiceResource.Name",
    "ServiceTerritory.OperatingHoursId",
    "Shift.EndTime",
    "Shift.StartTime",
    "TimeSheet.EndDate",
    "TimeSheet.ServiceResourceId",
    "TimeSheet.StartDate",
    "TimeSheetEntry.TimeSheetId",
}
PARTS = {"Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude"}
FOR_EVERYBODY = {"User", "ServiceAppointmentStatus"}
# Activities are opened by permissions of the user. Of their fields few have security, and those
# that Event and Task share are one field.
ACTIVITIES = ("Event", "Task")
OF_ACTIVITIES = {
    "Event.Location": "Event.Location",
    "Event.Description": "Task.Description",
    "Task.Description": "Task.Description",
    "Event.WhatId": "Task.WhatId",
    "Task.WhatId": "Task.WhatId",
    f"Event.{KEY}": f"Task.{KEY}",
    f"Task.{KEY}": f"Task.{KEY}",
}
FOR_THE_USER = {"ApiEnabled", "ActivitiesAccess", "EditEvent", "EditTask"}
# A time sheet entry names them, and Salesforce wants to see what is named.
NAMED = {"WorkOrder", "WorkOrderLineItem"}
# Who makes details of a master, as an entry is one of its sheet, needs to be its editor.
MASTERS = {"TimeSheet"}

type Grants = dict[str, bool]


def grantable(path: str) -> str | None:
    """The field by which a permission set lets a user see this one."""
    sobject, _, name = path.partition(".")
    if sobject in ACTIVITIES:
        return OF_ACTIVITIES.get(path)
    if sobject in FOR_EVERYBODY or name in SYSTEM or path in ALWAYS:
        return None
    of_address = sobject == "ServiceAppointment" and name in PARTS
    return "ServiceAppointment.Address" if of_address else path


# ── what the files say ─────────────────────────────────────────────────────────


@cache
def root(path: Path) -> Xml.Element:
    return Xml.parse(path).getroot()  # noqa: S314, they are our own


def plain(element: Xml.Element) -> str:
    return element.tag.removeprefix(NAMESPACE)


def text(element: Xml.Element, name: str) -> str:
    return element.findtext(f"{NAMESPACE}{name}") or ""


def flag(element: Xml.Element, name: str) -> bool:
    return text(element, name) == "true"


def permission_set(name: str) -> Xml.Element:
    return root(SOURCE / "permissionsets" / f"{name}.permissionset-meta.xml")


def fields(name: str) -> Grants:
    """Whether it may be edited, by the field that is granted."""
    granted = permission_set(name).findall(f"{NAMESPACE}fieldPermissions")
    return {text(each, "field"): flag(each, "editable") for each in granted}


def objects(name: str) -> dict[str, set[str]]:
    """What may be done with the rows of each object."""
    verbs = ("allowRead", "allowCreate", "allowEdit", "allowDelete")
    more = ("modifyAllRecords", "viewAllRecords")
    return {
        text(each, "object"): {verb for verb in (*verbs, *more) if flag(each, verb)}
        for each in permission_set(name).findall(f"{NAMESPACE}objectPermissions")
    }


def field_file(sobject: str, name: str) -> Xml.Element:
    return root(SOURCE / "objects" / sobject / "fields" / f"{name}.field-meta.xml")


# ── what the adapters need ─────────────────────────────────────────────────────


def footprints(wants: Wants) -> list[tuple[tuple[str, ...], dict[Ability, Any]]]:
    """Whatever the Activity is told in."""
    ways = [wants._replace(done_tasks=each) for each in (False, True)]
    return [(salesforce_footprint.asked(w), salesforce_footprint.written(w)) for w in ways]


def needed_fields(wants: Wants) -> Grants:
    grants: Grants = {}
    for asked, written in footprints(wants):
        seen = [grantable(path) for path in asked]
        filled = [
            grantable(f"{request.sobject}.{name}")
            for request in written.values()
            for name in request.fields
        ]
        grants |= {path: grants.get(path, False) for path in seen if path}
        grants |= {path: True for path in filled if path}
    return grants


def needed_objects(wants: Wants) -> dict[str, set[str]]:
    needed: dict[str, set[str]] = {}
    for asked, written in footprints(wants):
        for path in asked:
            needed.setdefault(path.partition(".")[0], set()).add("allowRead")
        for ability, request in written.items():
            needed[request.sobject].add(verb(ability))
            if verb(ability) == "allowDelete":
                needed[request.sobject].add("allowEdit")
    for each in MASTERS & set(needed):
        needed[each].add("allowEdit")
    without = {*FOR_EVERYBODY, *ACTIVITIES}
    return {name: verbs for name, verbs in needed.items() if name not in without}


def verb(ability: Ability) -> str:
    if ability is Ability.REMOVED_ENTRIES:
        return "allowDelete"
    return "allowCreate" if ability in salesforce_footprint.MAKING else "allowEdit"


# ── valid ──────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What Salesforce's own tool finds, and can convert."""
    made = tmp_path_factory.mktemp("metadata")
    home = {"HOME": str(made), "SF_DISABLE_LOG_FILE": "true", "SF_DISABLE_TELEMETRY": "true"}
    driver = CLIENTS / "drivers" / "with_metadata.mjs"
    command = (NODE, str(driver), str(PROJECT / "force-app"), str(made / "out"))
    ended = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"]} | home,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    converted = [path for path in (made / "out").rglob("*") if path.is_file()]
    assert {path.suffix for path in converted} == {
        ".object",
        ".permissionset",
        ".reportType",
        ".xml",
    }
    return [(kind, name) for kind, name in json.loads(ended.stdout)]


def test_the_salesforce_tool_reads_all_files_and_the_manifest_names_them(
    components: list[tuple[str, str]],
) -> None:
    manifest = root(PROJECT / "manifest" / "package.xml")
    listed = [
        (text(kind, "name"), member.text)
        for kind in manifest.findall(f"{NAMESPACE}types")
        for member in kind.findall(f"{NAMESPACE}members")
    ]

    assert sorted(components) == sorted(listed)
    assert len(components) == len(FILES) - 1  # all but the manifest itself


def test_project_and_manifest_are_of_the_version_that_the_bundle_speaks() -> None:
    project = json.loads((PROJECT / "sfdx-project.json").read_text())
    template = (ROOT / "template.yaml").read_text()

    version = text(root(PROJECT / "manifest" / "package.xml"), "version")
    assert project["sourceApiVersion"] == version
    assert f'Default: "{version}"' in template
    [package] = project["packageDirectories"]
    assert PROJECT / package["path"] in SOURCE.parents


class Types:
    """The types of the Metadata API, as Salesforce's own package declares them."""

    def __init__(self) -> None:
        declared = TYPES.read_text()
        self.enums = {
            name: set(re.findall(r"'([^']*)'", values))
            for name, values in re.findall(
                r"^export type (\w+) = ('[^;]*);$", declared, re.MULTILINE
            )
        }
        self.members = {
            name: re.findall(r"^\s+(\w+)(\??): ([^;]+);$", body, re.MULTILINE)
            for name, body in re.findall(
                r"^export type (\w+) = (?:Metadata & )?\{$(.*?)^\};$",
                declared,
                re.MULTILINE | re.DOTALL,
            )
        }
        for each in ("CustomField", "PermissionSet", "ReportType", "Package"):
            self.members[each] += [("fullName", "?", "string")]

    def faults(self, element: Xml.Element, kind: str) -> Iterator[str]:
        """What the declaration of its type does not allow."""
        if kind in self.members:
            yield from self._faults_of_members(element, kind)
            return
        value, here = element.text or "", f"{plain(element)}={element.text}"
        if len(element) or not value.strip():
            yield f"{here} holds no single value"
        elif kind == "boolean":
            yield from [] if value in ("true", "false") else [f"{here} is no boolean"]
        elif kind == "number":
            yield from [] if value.isdigit() else [f"{here} is no number"]
        elif kind != "string":
            yield from [] if value in self.enums[kind] else [f"{here} is no {kind}"]

    def _faults_of_members(self, element: Xml.Element, kind: str) -> Iterator[str]:
        known = {name: (loose, of) for name, loose, of in self.members[kind]}
        tags = [plain(each) for each in element]
        for each in element:
            name = plain(each)
            if name not in known:
                yield f"{kind} has no {name}"
                continue
            of = known[name][1]
            if tags.count(name) > 1 and not of.endswith("[]"):
                yield f"{kind} has one {name}"
            yield from self.faults(each, of.removesuffix("[]"))
        for name, (loose, of) in known.items():
            if not loose and not of.endswith("[]") and name not in tags:
                yield f"{kind} needs {name}"


@pytest.fixture(scope="module")
def types() -> Types:
    return Types()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_as_its_type_is_declared(types: Types, path: Path) -> None:
    element = root(path)

    assert element.tag.startswith(NAMESPACE)
    assert list(types.faults(element, plain(element))) == []


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("<type>Textual</type>", "type=Textual is no FieldType"),
        ("<length>long</length>", "length=long is no number"),
        ("<unique>yes</unique>", "unique=yes is no boolean"),
        ("<uniqe>true</uniqe>", "CustomField has no uniqe"),
        ("<length>1</length><length>2</length>", "CustomField has one length"),
        ("<lookupFilter><active>true</active></lookupFilter>", "LookupFilter needs isOptional"),
    ],
)
def test_what_is_not_as_declared_is_found(types: Types, said: str, fault: str) -> None:
    wrong = Xml.fromstring(f'<CustomField xmlns="{NAMESPACE[1:-1]}">{said}</CustomField>')  # noqa: S314

    assert fault in list(types.faults(wrong, "CustomField"))


# ── what it is for ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sobject", ["Activity", "TimeSheetEntry"])
def test_the_field_for_our_key_holds_it_and_tells_rows_apart(sobject: str) -> None:
    field = field_file(sobject, KEY)

    assert text(field, "fullName") == KEY
    assert (text(field, "type"), text(field, "length")) == ("Text", "64")
    assert len(row_key("entry", "x" * 500)) <= int(text(field, "length"))
    assert flag(field, "externalId")
    assert flag(field, "unique")
    assert not flag(field, "caseSensitive")


@pytest.mark.parametrize("name", SETS)
def test_a_permission_set_grants_what_is_read_and_written_and_nothing_more(name: str) -> None:
    base = needed_fields(Wants())
    wanted = needed_fields(WANTED[name])
    keys = {f"Task.{KEY}": True, f"TimeSheetEntry.{KEY}": True}
    of_address = {"ServiceAppointment.Address": False}
    expected = (
        wanted | keys | of_address
        if name == "Fieldlink"
        else {path: edit for path, edit in wanted.items() if base.get(path) != edit}
    )

    assert fields(name) == expected


@pytest.mark.parametrize("name", SETS)
def test_a_permission_set_opens_the_objects_that_are_needed_as_far_as_needed(
    name: str,
) -> None:
    wanted = needed_objects(WANTED[name])
    expected = (
        wanted | {each: {"allowRead"} for each in NAMED}
        if name == "Fieldlink"
        else {path.partition(".")[0]: wanted[path.partition(".")[0]] for path in fields(name)}
    )

    # Positions alone have a resource edited; where only a field is read, to read is enough.
    if name == "Fieldlink_Primary_Resource":
        expected = {"AssignedResource": {"allowRead"}}
    assert objects(name) == expected


def test_the_user_may_call_the_api_and_write_activities_and_nothing_else() -> None:
    granted = {
        name: {
            text(each, "name")
            for each in permission_set(name).findall(f"{NAMESPACE}userPermissions")
            if flag(each, "enabled")
        }
        for name in SETS
    }

    assert granted == {name: set() for name in SETS} | {"Fieldlink": FOR_THE_USER}
    for name in SETS:
        assert {plain(each) for each in permission_set(name)} <= {
            "description",
            "fieldPermissions",
            "hasActivationRequired",
            "label",
            "objectPermissions",
            "userPermissions",
        }


# ── in an org ──────────────────────────────────────────────────────────────────


class Key:
    """A pass that nobody asks for more."""

    def __init__(self, app: Caller) -> None:
        self.instance_url, self.token = app.salesforce.url, app.tokens["access_token"]

    def renew(self, why: str) -> None:
        raise AssertionError(why)

    def give_up(self, code: str, message: str) -> None:
        raise AssertionError(code, message)


KINDS = {"Text": "string", "Number": "double", "Url": "url"}


def deploy_fields(org: FakeSalesforce) -> None:
    for path in sorted((SOURCE / "objects").rglob("*.field-meta.xml")):
        field, sobject = root(path), path.parents[1].name
        for each in ACTIVITIES if sobject == "Activity" else (sobject,):
            org.add_field(
                each,
                text(field, "fullName"),
                kind=KINDS[text(field, "type")],
                external_id=flag(field, "externalId"),
                unique=flag(field, "unique"),
                length=int(text(field, "length") or LINK_LENGTH),
                digits=int(text(field, "precision") or 18),
                scale=int(text(field, "scale") or 0),
            )


def grant(org: FakeSalesforce, *names: str) -> None:
    """The integration user gets these permission sets, and has nothing else."""
    rights = [right for name in names for right in objects(name).items()]
    opened = {
        name: {verb for n, verbs in rights if n == name for verb in verbs} for name, _ in rights
    }
    granted = {field for name in names for field in fields(name)}
    edited = {field for name in names for field, edit in fields(name).items() if edit}
    for each in org.org.objects.values():
        if each.name not in {*FOR_EVERYBODY, *ACTIVITIES}:
            verbs = opened.get(each.name, set())
            close(org, each.name, read=bool(verbs), edit=verbs > {"allowRead"})
        for path in (f"{each.name}.{field}" for field in each.fields):
            if by := grantable(path):
                close(org, path, read=by in granted, edit=by in edited)


def close(org: FakeSalesforce, name: str, *, read: bool, edit: bool) -> None:
    if not read:
        org.no_access.add(name)
    elif not edit:
        org.read_only.add(name)


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        deploy_fields(caller.salesforce)
        yield caller


@pytest.mark.parametrize("done_tasks", [False, True])
def test_with_all_of_it_the_doctor_misses_nothing(app: Caller, done_tasks: bool) -> None:
    grant(app.salesforce, *SETS)
    every = Wants(LINK, True, True, DISTANCE, done_tasks, True, True)

    with requests.Session() as http:
        told = salesforce_describe.described(SalesforceRest(http, Key(app), "67.0"), every)

    assert (told.missing, told.unreadable, told.needed, told.lacking) == ((), (), (), {})
    assert set(told.keyed) == {"Event", "Task", "TimeSheetEntry"}
    assert told.loose_keys == ()


@pytest.mark.parametrize(
    ("without", "missed"),
    [
        ("Fieldlink_Shifts", "Shift.StatusCategory"),
        ("Fieldlink_Primary_Resource", "AssignedResource.IsPrimaryResource"),
    ],
)
def test_without_one_of_them_the_doctor_says_what_is_missing(
    app: Caller, without: str, missed: str
) -> None:
    grant(app.salesforce, *(name for name in SETS if name != without))
    every = Wants(LINK, True, True, DISTANCE, primary=True)

    with requests.Session() as http:
        told = salesforce_describe.described(SalesforceRest(http, Key(app), "67.0"), every)

    assert missed in told.unreadable


def test_columns_of_the_reports_are_fields_that_there_are(app: Caller) -> None:
    tables = {
        "ServiceAppointment": "ServiceAppointment",
        "ServiceAppointment.ServiceResources": "AssignedResource",
        "TimeSheet": "TimeSheet",
        "TimeSheet.TimeSheetEntries": "TimeSheetEntry",
    }
    for path in (SOURCE / "reportTypes").iterdir():
        report = root(path)
        base, join = text(report, "baseObject"), report.find(f"{NAMESPACE}join")
        assert join is not None
        joined = f"{base}.{text(join, 'relationship')}"
        for column in report.iter(f"{NAMESPACE}columns"):
            table, name = text(column, "table"), text(column, "field")
            known = app.salesforce.org.objects[tables[table]].fields
            assert table in (base, joined)
            assert name in known or known[f"{name}Id"].relationship

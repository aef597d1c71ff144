"""How work is written, set on the connection's page: checked, tried out, and explained."""

import re
from collections.abc import Callable
from datetime import UTC
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldlink.connecting import settings
from fieldlink.console import sessions, showing
from fieldlink.console.showing import Counter
from fieldlink.models import Ability, Category, Kind, Status
from fieldlink.practice import CATEGORIES, Practice
from fieldlink.records import Capabilities, Connection, Geofence, Visit
from fieldlink.rehearsing.rehearsal import Rehearsal
from fieldlink.wiring import Services, now
from local.salesforce import FakeSalesforce
from tests.conftest import Pretended
from tests.functions.calls import http, post_form
from tests.functions.conftest import CONNECTION, Job
from tests.functions.test_pages import HOSTILE, Browser, header, minted
from tests.functions.test_wishes import HOUR, NOW, envelope, looked, told

ZONES = (UTC, ZoneInfo("Europe/Berlin"))  # of the pages, and of the people
# Not long ago, and so that the two hours before it are of one day, whatever the hour is now.
ENDED = next(
    ended
    for ended in (NOW - hours * HOUR for hours in range(6))
    if all(
        ended.astimezone(zone).date() == (ended - 2 * HOUR).astimezone(zone).date()
        for zone in ZONES
    )
)
PAGE = f"/connections/{CONNECTION}"
ROW = re.compile(r"<tr><td><a.*?</tr>", re.DOTALL)


@pytest.fixture
def browser(bundle: Services, connection: Connection) -> Browser:
    """Signed in, where a connection stands."""
    assert bundle
    assert connection
    browser = Browser()
    assert browser.get("/setup", minted())["statusCode"] == 303
    return browser


def send(browser: Browser, path: str, **fields: str) -> dict[str, Any]:
    """A form with names that are no names of Python's."""
    event = post_form(f"{PAGE}/{path}", form_token=browser.form_token(), **fields)
    return browser.send(event)


def kept(bundle: Services) -> Connection:
    found = bundle.state.read(Connection, CONNECTION)
    assert found
    return found


def geofence(job: Job, value: str, hours: float) -> dict[str, Any]:
    at = ENDED - hours * HOUR
    data = {
        "value": value,
        "arrival": {"recorded_at": at.isoformat()},
        "exit": None,
        "marker_id": f"marker-{hours}",
        "geofence_id": "fence-1",
        "geofence_metadata": {
            "service_appointment_id": job.appointment,
            "service_resource_id": job.rosa,
        },
        "route_to": None,
    }
    return envelope("geofence", at, data) | {"worker_handle": job.rosa}


def button(job: Job, type_: str, hours: float) -> dict[str, Any]:
    at = ENDED - hours * HOUR
    metadata = {"type": type_, "driver_id": job.rosa, "geofence_id": "fence-1"}
    return envelope("geotag", at, {"metadata": metadata, "route_to": None}) | {
        "worker_handle": job.rosa
    }


@pytest.fixture
def worked(
    aws: Pretended, bundle: Services, connection: Connection, job: Job
) -> Callable[[], None]:
    """Rosa arrives, and checks in half an hour later."""
    assert connection

    def worked() -> None:
        looked(aws, bundle)
        standing = Geofence(
            connection=CONNECTION,
            id="fence-1",
            resource=job.rosa,
            appointment=job.appointment,
            assignment=job.assignment,
        )
        bundle.state.write_all([standing])
        told(aws, bundle, geofence(job, "entry", 2), button(job, "CHECK_IN", 1.5))

    return worked


# ── saved ─────────────────────────────────────────────────────────────────────


def test_every_setting_of_what_is_written_is_kept_as_it_was_typed(
    aws: Pretended, bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    salesforce.add_field("ServiceAppointment", "Way__c", kind="double")
    aws.queued(bundle.settings.changes_queue_url)
    calls = len(salesforce.requests)

    answer = send(
        browser,
        "settings",
        **{
            "category.ARRIVED": "NONE",
            "status.COMPLETED": "Completed",
            "through.COMPLETED": "In Progress",
            "arrival_by": "check_in",
            "complete_by": "exit",
            "exit_grace": "30",
            "several": "all",
            "join": "45",
            "time_sheets": "visits_and_travel",
            "sheet_period": "week",
            "activity": "tasks",
            "distance_field": "Way__c",
            "distance_unit": "mi",
            "word.subject_arrived": "Angekommen",
        },
    )

    assert (answer["statusCode"], header(answer, "Location")) == (303, PAGE)
    assert kept(bundle).practice == Practice(
        categories={**CATEGORIES, Kind.ARRIVED: Category.NONE},
        statuses={Category.COMPLETED: "Completed"},
        through={Category.COMPLETED: "In Progress"},
        arrival_by="check_in",
        complete_by="exit",
        exit_grace=30,
        several="all",
        join=45,
        time_sheets="visits_and_travel",
        sheet_period="week",
        activity="tasks",
        distance_field="Way__c",
        distance_unit="mi",
        words={"subject_arrived": "Angekommen"},
    )
    assert len(salesforce.requests) - calls == 1
    assert bundle.meter.last_day(CONNECTION, now()) == 1
    assert aws.queued(bundle.settings.changes_queue_url) == []  # nobody is looked at again
    able = bundle.state.read(Capabilities, CONNECTION)
    assert able
    assert Ability.DISTANCE not in able.lacking
    page = browser.get(PAGE)["body"]
    assert 'name="word.subject_arrived" maxlength="120"' in page
    assert 'value="Angekommen"' in page


def test_settings_without_a_name_of_the_org_ask_it_nothing(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    assert send(browser, "settings", radius="250")["statusCode"] == 303

    assert kept(bundle).radius == 250
    assert salesforce.requests == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exit_grace": "241"}, "are 1 to 240"),
        ({"join": "481"}, "are 0 to 480"),
        ({"several": "nobody"}, "Choose one of first, primary, all"),
        ({"status.COMPLETED": "Erledigt"}, "no “Erledigt” (status for Completed)"),
        ({"status.COMPLETED": "In Progress"}, "is of the category In Progress"),
        ({"work_type": "Arbeit"}, "no “Arbeit” (type of a visit's entry). There is: Direct"),
        ({"activity": "tasks", "task_status": "Erledigt"}, "no “Erledigt” (status of a Task)"),
        ({"distance_field": "Way__c"}, "ServiceAppointment.Way__c can't be seen"),
        ({"share_field": "Link__c"}, "ServiceAppointment.Link__c can't be seen"),
        ({"word.arrived": "{nobody} ist da"}, "{nobody}"),
    ],
)
def test_what_can_not_be_is_told_at_the_form_and_nothing_is_saved(
    bundle: Services, browser: Browser, fields: dict[str, str], words: str
) -> None:
    before = kept(bundle)

    answer = send(browser, "settings", radius="777", **fields)

    page = unescape(answer["body"])
    assert answer["statusCode"] == 400
    assert words in page
    assert page.index(words) < page.index('name="radius"')
    for text in ("777", *fields.values()):
        assert f'value="{text}"' in page or text in {"tasks", "nobody"}
    assert kept(bundle) == before


def test_a_field_that_may_only_be_read_or_holds_no_number_is_refused(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    salesforce.add_field("ServiceAppointment", "Locked__c", kind="double")
    salesforce.add_field("ServiceAppointment", "Text__c")
    salesforce.read_only.add("ServiceAppointment.Locked__c")

    answers = [
        send(browser, "settings", distance_field=each) for each in ("Locked__c", "Text__c")
    ]

    assert [each["statusCode"] for each in answers] == [400, 400]
    assert "Locked__c is read only" in answers[0]["body"]
    assert "Text__c" in answers[1]["body"]
    assert kept(bundle).practice == Practice()


def test_while_the_org_is_down_what_names_nothing_of_it_can_be_saved(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    salesforce.stop()

    naming = send(browser, "settings", **{"status.COMPLETED": "Completed", "join": "5"})
    other = send(browser, "settings", complete_by="exit")

    assert naming["statusCode"] == 400
    assert "Nothing was saved" in naming["body"]
    assert 'name="join" inputmode="numeric" value="5"' in naming["body"]
    assert other["statusCode"] == 303
    assert kept(bundle).practice == Practice(complete_by="exit")


def test_settings_that_somebody_else_changed_meanwhile_are_kept_on_the_form(
    bundle: Services, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle.state, "write", lambda _: False)

    answer = send(browser, "settings", join="5")

    assert answer["statusCode"] == 400
    assert "somebody else changed" in answer["body"]
    assert 'name="join" inputmode="numeric" value="5"' in answer["body"]


def test_a_value_that_was_renamed_later_is_shown_on_the_page(
    bundle: Services, browser: Browser
) -> None:
    practice = Practice(statuses={Category.COMPLETED: "Erledigt"})
    bundle.state.write(kept(bundle).model_copy(update={"practice": practice}))
    renamed = Status(name="Abgeschlossen", category=Category.COMPLETED)
    able = Capabilities(connection=CONNECTION, checked_at=now(), statuses=(renamed,))
    bundle.state.write(able)

    page = browser.get(PAGE)["body"]

    assert "not in this org any more" in page
    assert "no “Erledigt” (status for Completed). There is: Abgeschlossen." in page
    assert '<option value="Abgeschlossen">' in page


# ── tried out ─────────────────────────────────────────────────────────────────


def test_what_would_change_is_shown_and_neither_written_nor_saved(
    bundle: Services,
    browser: Browser,
    salesforce: FakeSalesforce,
    job: Job,
    worked: Callable[[], None],
) -> None:
    worked()
    before, visit = kept(bundle), bundle.state.read(Visit, CONNECTION, job.appointment)
    writes, calls = len(salesforce.writes), len(salesforce.requests)

    answer = send(browser, "settings/rehearsal", arrival_by="check_in", join="5")

    page = unescape(answer["body"])
    assert answer["statusCode"] == 200
    assert "1 appointment of the last 14 days looked at" in page
    row = re.search(r"<tr><td><a.*?</tr>", page, re.DOTALL)
    assert row
    arrived, checked_in = (f"{ENDED - hours * HOUR:%Y-%m-%d %H:%M} UTC" for hours in (2, 1.5))
    assert "Actual Start" in row[0]
    assert row[0].count(arrived) == 2  # what stands, and what the present settings say
    assert f"<strong>{checked_in}</strong>" in row[0]
    assert "first check-in" in row[0]
    assert 'name="join" inputmode="numeric" value="5"' in page
    assert '<option value="check_in" selected>' in page
    assert len(salesforce.requests) - calls == 1
    assert len(salesforce.writes) == writes
    assert kept(bundle) == before
    assert bundle.state.read(Visit, CONNECTION, job.appointment) == visit


def test_the_same_settings_would_change_nothing(
    browser: Browser, worked: Callable[[], None]
) -> None:
    worked()

    page = send(browser, "settings/rehearsal")["body"]

    assert "all of it would have been written as with the present ones" in page


def test_time_sheets_and_the_activity_are_in_what_would_change(
    aws: Pretended,
    bundle: Services,
    browser: Browser,
    salesforce: FakeSalesforce,
    job: Job,
    worked: Callable[[], None],
) -> None:
    worked()
    told(aws, bundle, button(job, "CHECK_OUT", 1))
    writes, calls = len(salesforce.writes), len(salesforce.requests)
    rows = bundle.ledger.last(CONNECTION, now=now(), limit=100)
    typed = {"time_sheets": "none", "activity": "tasks", "word.subject_arrived": HOSTILE}

    answer = send(browser, "settings/rehearsal", **typed)

    assert answer["statusCode"] == 200
    found = [unescape(each) for each in ROW.findall(answer["body"])]
    [entry] = [each for each in found if "<td>Time sheet entry</td>" in each]
    arrived, out = (ENDED - hours * HOUR for hours in (2, 1))
    assert entry.count(f"{arrived:%Y-%m-%d %H:%M} to {out:%H:%M}") == 2  # held, and present
    assert "<strong>\N{EN DASH}</strong><br><small>what stands stays</small>" in entry
    [came] = [each for each in found if "<td>Activity: arrived, " in each]
    assert "Event “Arrived: Rosa Fuller”" in came
    assert f"<strong>Task, Completed, “{HOSTILE}: Rosa Fuller”</strong>" in came
    assert "<script>" not in answer["body"]
    assert "Saving by itself writes nothing" in answer["body"]
    assert len(salesforce.requests) - calls == 1
    assert len(salesforce.writes) == writes
    assert bundle.ledger.last(CONNECTION, now=now(), limit=100) == rows
    assert kept(bundle).practice == Practice()


def test_what_is_too_much_for_the_page_is_counted(
    bundle: Services, browser: Browser, worked: Callable[[], None]
) -> None:
    worked()

    page = send(browser, "settings/rehearsal", activity="tasks")["body"]

    assert "more differences" not in page
    assert "were too many" not in page
    found = Rehearsal(1, more=3, days_left=2)
    page = settings_page_with(found, bundle)
    assert "3 more differences are not shown" in page
    assert "of 2 more days of people were too many" in page


def settings_page_with(found: Rehearsal, bundle: Services) -> str:
    """As the console makes it from a dry run."""
    session = sessions.Session(id="of a test", since=0)
    counter = Counter(session, "key", bundle.state, bundle.ledger, NOW, "https://x", "")
    connection = kept(bundle)
    shown = showing.form(counter, connection, settings.form_of(connection), rehearsal=found)
    return str(shown.body)


def test_nothing_to_compare_is_said(browser: Browser) -> None:
    page = send(browser, "settings/rehearsal", arrival_by="check_in")["body"]

    assert "0 appointments of the last 14 days looked at" in page


def test_a_dry_run_of_what_was_typed_wrong_or_while_the_org_is_down_says_so(
    browser: Browser, salesforce: FakeSalesforce, worked: Callable[[], None]
) -> None:
    worked()
    wrong = send(browser, "settings/rehearsal", join="soon")
    salesforce.stop()
    down = send(browser, "settings/rehearsal", join="5")

    assert (wrong["statusCode"], down["statusCode"]) == (400, 400)
    assert "are 0 to 480" in wrong["body"]
    assert 'role="alert"' in down["body"]
    assert 'value="5"' in down["body"]


# ── explained ─────────────────────────────────────────────────────────────────


def test_an_appointment_s_page_tells_what_was_written_and_why(
    browser: Browser, job: Job, worked: Callable[[], None]
) -> None:
    worked()

    connection = browser.get(PAGE)["body"]
    found = browser.get(f"{PAGE}/appointments", f"id={job.appointment[:15]}")
    page = unescape(browser.get(header(found, "Location"))["body"])

    link = f"{PAGE}/appointments/{job.appointment}"
    assert f'href="{link}"' in connection
    assert (found["statusCode"], header(found, "Location")) == (303, link)
    assert "Rosa Fuller" in page
    assert "Status: Scheduled → <strong>In Progress</strong>" in page
    assert "calls for InProgress" in page
    assert "Salesforce's request" in page


def test_an_appointment_of_which_nothing_was_reported_says_so(browser: Browser) -> None:
    page = browser.get(f"{PAGE}/appointments/08p000000000001AAA")

    assert page["statusCode"] == 200
    assert "nothing was reported about it" in page["body"]


@pytest.mark.parametrize("wanted", ["", "SA-0001", "0Hn000000000001AAA", "08p'--", "08pAAA"])
def test_what_is_no_id_of_an_appointment_is_told(browser: Browser, wanted: str) -> None:
    answer = browser.get(f"{PAGE}/appointments", f"id={wanted}")

    assert answer["statusCode"] == 400
    assert "08p" in answer["body"]


# ── every page ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "settings/rehearsal"),
        ("GET", "parked"),
        ("POST", "parked/replay"),
        ("GET", "appointments"),
        ("GET", "appointments/08p000000000001AAA"),
    ],
)
def test_nobody_comes_in_without_a_session(
    bundle: Services, connection: Connection, method: str, path: str
) -> None:
    assert bundle
    answer = Browser().send(http(method, f"/connections/{connection.connection}/{path}"))

    assert answer["statusCode"] == 403


@pytest.mark.parametrize("path", ["settings", "settings/rehearsal", "parked/replay"])
def test_a_form_that_is_not_ours_does_nothing(
    bundle: Services, browser: Browser, path: str
) -> None:
    before = kept(bundle)

    answer = browser.send(post_form(f"{PAGE}/{path}", form_token="forged", join="5"))

    assert answer["statusCode"] == 400
    assert kept(bundle) == before


@pytest.mark.parametrize("path", ["parked", "appointments/08p000000000001AAA"])
def test_a_connection_that_there_is_not_has_no_pages(browser: Browser, path: str) -> None:
    assert browser.get(f"/connections/nobody/{path}")["statusCode"] == 404


def test_what_was_typed_is_text_on_the_page(browser: Browser) -> None:
    fields = dict.fromkeys(("status.COMPLETED", "word.arrived", "join", "share_field"), HOSTILE)

    for path in ("settings", "settings/rehearsal"):
        page = send(browser, path, **fields)

        assert page["statusCode"] == 400
        assert "<script>" not in page["body"]
        assert "&lt;script&gt;" in page["body"]

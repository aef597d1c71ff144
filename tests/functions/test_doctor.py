"""The doctor over the real adapters: each broken set-up is named, and nothing else."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.mail import SesMail
from fieldlink.errors import Refused, Unavailable
from fieldlink.examining import doctor
from fieldlink.examining.findings import Report
from fieldlink.looking import polling
from fieldlink.models import LedgerRow, Outcome
from fieldlink.records import (
    Capabilities,
    Connection,
    Gate,
    Listed,
    Watermark,
    WebhookTested,
)
from fieldlink.wiring import Services, now
from functions import console
from local.hypertrack import FakeHyperTrack
from local.salesforce import FakeSalesforce
from tests.adapters.scripted import Answer, scripted
from tests.conftest import CLIENT_SECRET, CONSOLE_KEY, SECRET_KEY, SENDER, Pretended
from tests.functions.ailing import ACCOUNT, AILMENTS, VERIFIED, Ailment, Setup
from tests.functions.calls import CONTEXT
from tests.functions.conftest import CONNECTION
from tests.functions.test_pages import Browser, minted


@pytest.fixture
def setup(
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    hypertrack: FakeHyperTrack,
    aws: Pretended,
) -> Iterator[Setup]:
    """Nothing is wrong with this one."""
    with scripted(Answer(200, ACCOUNT), Answer(200, VERIFIED)) as ses:
        vars(bundle)["mail"] = SesMail(Aws(ses.access), SENDER)
        records = (
            Watermark(connection=CONNECTION, at=now()),
            WebhookTested(connection=CONNECTION, at=now()),
        )
        bundle.state.write_all(records)
        yield Setup(bundle, connection, salesforce, hypertrack, aws, ses)


def examined(setup: Setup) -> Report:
    current = setup.bundle.state.read(Connection, CONNECTION)
    assert current is not None
    return doctor.examine(setup.bundle.case(current))


def named(report: Report, state: str) -> tuple[str, ...]:
    return tuple(each.check for each in report.findings if each.state == state)


def test_a_healthy_set_up_has_nothing_but_good_findings(setup: Setup) -> None:
    report = examined(setup)

    assert [each for each in report.findings if each.state != "ok"] == []
    assert report.healthy


@pytest.mark.parametrize("ailment", AILMENTS, ids=lambda each: each.name)
def test_what_is_broken_is_named_with_its_cure_and_nothing_else(
    setup: Setup, ailment: Ailment
) -> None:
    sound = {each.check for each in examined(setup).findings}
    setup.ses.answers[:] = [Answer(200, ACCOUNT), Answer(200, VERIFIED)]
    ailment.cause(setup)

    report = examined(setup)

    assert (named(report, "fault"), named(report, "warning")) == (
        ailment.faults,
        ailment.warnings,
    )
    assert bool(named(report, "unknown")) is ailment.consequences
    assert {each.check for each in report.findings} == sound
    cures = [each.cure for each in report.findings if each.state != "ok"]
    assert all(cures)
    assert any(ailment.cure in each for each in cures)
    assert report.healthy is not bool(ailment.faults or ailment.consequences)


def test_every_check_has_a_set_up_in_which_it_is_not_ok(setup: Setup) -> None:
    seen = {check for each in AILMENTS for check in (*each.faults, *each.warnings)}

    # The breaker is opened by failures alone; see below.
    assert {each.check for each in examined(setup).findings} - seen == {"circuit breaker"}


def test_an_open_breaker_is_told(setup: Setup) -> None:
    setup.bundle.state.write_all([Gate(connection=CONNECTION, opened_at=now(), failures=5)])

    report = doctor.examine(setup.bundle.case(setup.connection)._replace(org=Silent()))

    assert "circuit breaker" in named(report, "warning")


class Silent:
    """An org that answers nothing."""

    def front(self) -> Any:
        raise Unavailable("no answer")

    described = scopes = front


def test_an_event_that_has_arrived_shows_that_the_webhook_works_as_well(setup: Setup) -> None:
    setup.bundle.state.erase(WebhookTested, CONNECTION)
    setup.bundle.ledger.put(
        LedgerRow(
            connection=CONNECTION, received_at=now(), delivery="1", outcome=Outcome.IGNORED
        )
    )

    assert "webhook deliveries" in named(examined(setup), "ok")


def test_an_expired_token_is_renewed_and_no_fault(setup: Setup) -> None:
    setup.salesforce.expire_access_tokens()

    report = examined(setup)

    assert [each for each in report.findings if each.state != "ok"] == []


def test_an_org_in_which_nothing_happens_is_not_called_broken(setup: Setup) -> None:
    """Looks that find nothing new leave the watermark where it is, for an hour."""
    mark = setup.bundle.state.read(Watermark, CONNECTION)
    assert mark is not None
    before = now() - timedelta(minutes=58)
    idle = mark.model_copy(update={"at": before, "full_at": before})
    assert setup.bundle.state.write(idle)
    polling.poll(
        setup.connection,
        salesforce=setup.bundle.salesforce(setup.connection),
        state=setup.bundle.state,
        queues=polling.Queues(setup.bundle.changes, setup.bundle.invites),
        run="run",
    )
    assert setup.bundle.state.read(Watermark, CONNECTION) == idle.model_copy(
        update={"version": idle.version + 1}
    )

    assert "last look" in named(examined(setup), "ok")


def test_what_the_org_says_is_kept_for_those_who_write(setup: Setup) -> None:
    setup.salesforce.read_only.add("ServiceAppointment.Status")

    examined(setup)

    known = setup.bundle.state.read(Capabilities, CONNECTION)
    assert known is not None
    assert [str(each) for each in known.lacking] == ["status"]
    assert {each.name for each in known.statuses} >= {"Scheduled", "In Progress"}


def test_a_lost_connection_is_not_called_well_because_its_token_still_works(
    setup: Setup,
) -> None:
    lost = setup.connection.model_copy(update={"state": "lost", "end": "user frozen"})
    assert setup.bundle.state.write(lost)

    report = examined(setup)

    assert named(report, "fault") == ("credentials",)
    [found] = [each for each in report.findings if each.check == "credentials"]
    assert "Login History" in found.cure
    assert state_of(setup)[0] == "lost"


# ── an incomplete connection ──────────────────────────────────────────────────


def incomplete(setup: Setup) -> None:
    changed = setup.connection.model_copy(update={"state": "incomplete", "problem": "no FS"})
    assert setup.bundle.state.write(changed)


def state_of(setup: Setup) -> tuple[str, str]:
    found = setup.bundle.state.read(Connection, CONNECTION)
    assert found is not None
    return found.state, found.problem


def test_an_incomplete_connection_is_connected_once_field_service_is_there(
    setup: Setup,
) -> None:
    incomplete(setup)

    examined(setup)

    assert state_of(setup) == ("connected", "")


def test_an_incomplete_connection_stays_so_without_field_service(setup: Setup) -> None:
    incomplete(setup)
    setup.salesforce.no_access.add("AssignedResource")

    examined(setup)

    assert state_of(setup) == ("incomplete", "no FS")


@pytest.mark.parametrize("state", ["new", "ending", "ended"])
def test_a_connection_without_an_org_is_looked_at_as_far_as_it_goes(
    setup: Setup, state: Any
) -> None:
    changed = setup.connection.model_copy(update={"state": state})
    assert setup.bundle.state.write(changed)

    report = examined(setup)

    assert named(report, "fault") == ("credentials",)
    assert "mail sender" in named(report, "ok")
    assert setup.salesforce.requests == []
    assert state_of(setup)[0] == state


# ── where it shows ────────────────────────────────────────────────────────────


def invoked(**event: str) -> dict[str, Any]:
    found: dict[str, Any] = console.lambda_handler({"action": "doctor", **event}, CONTEXT)
    assert json.loads(json.dumps(found)) == found
    return found


def test_an_invocation_tells_of_one_connection(setup: Setup) -> None:
    assert setup
    found = invoked(connection=CONNECTION)

    [report] = found["reports"]
    assert (found["healthy"], report["healthy"], found["not_looked_at"]) == (True, True, [])
    assert (report["connection"], report["name"]) == (CONNECTION, "Tests")
    assert {"check", "state", "words", "cure"} == set(report["findings"][0])


def test_an_invocation_tells_of_all_connections_that_have_not_ended(setup: Setup) -> None:
    for name, state in (("another", "connected"), ("former", "ended")):
        made = setup.connection.model_copy(
            update={"connection": name, "name": name, "state": state, "version": 0}
        )
        assert setup.bundle.state.write(made)
        assert setup.bundle.state.write(Listed(connection=name))

    found = invoked()

    assert [each["name"] for each in found["reports"]] == ["another", "Tests"]
    assert not found["healthy"]  # the other one has no access


def test_what_there_is_no_time_for_is_named_and_not_called_healthy(setup: Setup) -> None:
    found = doctor.rounds(
        "", state=setup.bundle.state, case=setup.bundle.case, more=lambda: False
    )

    assert found == {"healthy": False, "not_looked_at": [CONNECTION], "reports": []}


def test_an_unknown_connection_is_refused(setup: Setup) -> None:
    assert setup
    with pytest.raises(Refused):
        invoked(connection="nobody")


def test_the_calls_of_a_report_are_counted(setup: Setup) -> None:
    invoked()

    counted = setup.bundle.meter.last_day(CONNECTION, now())
    assert counted == len([each for each in setup.salesforce.requests if each.counted]) == 1


def test_no_secret_and_no_person_is_in_a_report(setup: Setup) -> None:
    person = setup.salesforce.row_of_user(setup.salesforce.integration_user_id)
    told = json.dumps(invoked())

    tokens = [*setup.salesforce.oauth.sessions]
    for each in (CLIENT_SECRET, CONSOLE_KEY, SECRET_KEY, person["Email"], *tokens):
        assert each not in told


def test_the_page_tells_the_worst_first_with_its_cure(setup: Setup) -> None:
    setup.salesforce.read_only.update({"ServiceAppointment.Status", "Event"})
    browser = Browser()
    browser.get("/setup", minted())

    page = browser.get(f"/connections/{CONNECTION}/doctor")
    linked = f'href="/connections/{CONNECTION}/doctor"'

    assert page["statusCode"] == 200
    places = [
        page["body"].index(f"<td>{each}</td>")
        for each in (
            "fields that are written",
            "Activity",
            "credentials",
        )
    ]
    assert places == sorted(places)
    assert "docs/salesforce-setup.md" in page["body"]
    assert linked in browser.get(f"/connections/{CONNECTION}")["body"]


def test_only_an_operator_sees_the_page(setup: Setup) -> None:
    assert setup
    assert Browser().get(f"/connections/{CONNECTION}/doctor")["statusCode"] == 403

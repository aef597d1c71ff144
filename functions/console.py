"""The operator's pages, and the setup link that opens them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from fieldlink import replaying
from fieldlink.alarms import flush
from fieldlink.books import explaining
from fieldlink.commands import invite_message, poll_message
from fieldlink.connecting import (
    capabilities,
    checking,
    connecting,
    disconnecting,
    onboarding,
    settings,
)
from fieldlink.console import explained, pages, parked_pages, sessions, showing
from fieldlink.console.showing import Counter
from fieldlink.errors import Refused, Unavailable
from fieldlink.examining import doctor
from fieldlink.ids import salesforce_id
from fieldlink.models import Poll
from fieldlink.observability import logger, metrics
from fieldlink.people import inviting
from fieldlink.records import Connection, Parked
from fieldlink.rehearsing import rehearsal
from fieldlink.tracking import waking
from fieldlink.wiring import now, random_text, services

if TYPE_CHECKING:
    from collections.abc import Sequence

app = APIGatewayHttpResolver()
LONGEST_REPORT = 12_000  # milliseconds; one takes 2 s while every vendor answers
LONGEST_REPLAY = timedelta(seconds=15)  # a browser is answered within 29, and reads before
NOBODY = (
    "Open the console with a setup link. Whoever may invoke this function in AWS mints one "
    "with the command in the stack's output SetupCommand."
)


class NoSession(Exception):
    """The browser has not come in by a setup link, or too long ago."""


class NotFound(Exception):
    """There is no such connection."""


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A browser's request, or the operator's own invocation with AWS credentials."""
    if "requestContext" not in event and event.get("action") in ACTIONS:
        return ACTIONS[event["action"]](event, context)
    answer = app.resolve(event, context)
    logger.info("console answered", status=answer["statusCode"])
    metrics.add_metric(name=f"Console{answer['statusCode']}", unit="Count", value=1)
    return answer


def mint_setup_link(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    metrics.add_metric(name="SetupLinkMinted", unit="Count", value=1)
    logger.info("setup link minted")
    token = sessions.mint(services().console_key, random=random_text)
    return {"setup_link": f"{address(str(event['url']))}/setup?token={token}"}


def examine(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The doctor's reports, for whoever may invoke this function."""
    metrics.add_metric(name="DoctorAsked", unit="Count", value=1)
    found = doctor.rounds(
        str(event.get("connection") or ""),
        state=services().state,
        case=services().case,
        more=lambda: context.get_remaining_time_in_millis() > LONGEST_REPORT,
    )
    flush(services().meter)
    logger.info("doctor told", healthy=found["healthy"], reports=len(found["reports"]))
    return found


ACTIONS = {"mint_setup_link": mint_setup_link, "doctor": examine}


@app.get("/setup")
def enter() -> Response[str]:
    session = sessions.enter(
        request().query_string_parameters.get("token", ""),
        services().console_key,
        state=services().state,
        now=now(),
        random=random_text,
    )
    return pages.redirect("/", cookie=sessions.sealed(session, services().console_key))


@app.get("/")
def connections() -> Response[str]:
    return showing.connections(counter(signed_in()))


@app.post("/connections")
def create() -> Response[str]:
    session, form = posted()
    typed = settings.filled(settings.Typed(), form)
    try:
        made = onboarding.create(
            typed,
            connection=random_text(),
            office=services().office(),
            account=services().hypertrack_account,
        )
    except (Refused, Unavailable) as error:
        shown = typed._replace(secret="")
        return showing.connections(
            counter(session), typed=shown, problem=str(error), status=400
        )
    return pages.redirect(f"/connections/{made.connection}")


@app.get("/connections/<connection_id>")
def connection(connection_id: str) -> Response[str]:
    return showing.connection(counter(signed_in()), known(connection_id))


@app.get("/connections/<connection_id>/doctor")
def show_report(connection_id: str) -> Response[str]:
    session, found = signed_in(), known(connection_id)
    if found.state == "ended":
        return pages.redirect(f"/connections/{connection_id}")
    report = doctor.examine(services().case(found))
    flush(services().meter)
    return counter(session).page("doctor.html", found, report=report, colours=pages.HEALTH)


@app.post("/connections/<connection_id>/connect")
def connect(connection_id: str) -> Response[str]:
    session, _ = posted()
    found = known(connection_id)
    if found.authorise != "web":
        return connect_directly(found)
    page = connecting.begin(
        found,
        session=session.id,
        callback=f"{own_url()}/oauth/callback",
        office=services().office(),
        random=random_text,
    )
    return pages.redirect(page)


def connect_directly(found: Connection) -> Response[str]:
    try:
        made = connecting.connect_directly(
            found, office=services().office(), org=services().salesforce
        )
    finally:
        flush(services().meter)
    if made.state == "connected":
        first = poll_message(Poll(connection=made.connection), f"first {now().isoformat()}")
        services().polls.put([first])
    return pages.redirect(f"/connections/{made.connection}")


@app.post("/connections/<connection_id>/settings")
def change_settings(connection_id: str) -> Response[str]:
    session, form = posted()
    found = known(connection_id)
    typed = settings.form_of(found, form)
    try:
        wanted = settings.wanted(found, typed)
        told = checking.check(found, wanted, services().salesforce)
        changed = settings.change_settings(wanted, services().state)
    except (Refused, Unavailable) as error:
        return showing.form(counter(session), found, typed, problem=str(error))
    finally:
        flush(services().meter)
    if told:
        capabilities.keep(changed, told, state=services().state, now=now())
    if settings.tracked_otherwise(found, changed):
        state, changes = services().state, services().changes
        waking.everybody(changed, state=state, changes=changes, cause=now().isoformat())
    return pages.redirect(f"/connections/{connection_id}")


@app.post("/connections/<connection_id>/settings/rehearsal")
def rehearse(connection_id: str) -> Response[str]:
    session, form = posted()
    found = known(connection_id)
    typed = settings.form_of(found, form)
    try:
        wanted = settings.wanted(found, typed)
        seen_by = rehearsal.seen_by(found, wanted.practice)
        told = rehearsal.rehearse(
            found,
            wanted.practice,
            state=services().state,
            ledger=services().ledger,
            org=services().salesforce(seen_by, "extra"),
            now=now(),
        )
    except (Refused, Unavailable) as error:
        return showing.form(counter(session), found, typed, problem=str(error))
    finally:
        flush(services().meter)
    return showing.form(counter(session), found, typed, rehearsal=told)


@app.post("/connections/<connection_id>/secret")
def secret(connection_id: str) -> Response[str]:
    session, form = posted()
    found = known(connection_id)
    try:
        onboarding.change_secret(
            found,
            form.get("secret", ""),
            office=services().office(),
            account=services().hypertrack_account,
        )
    except Refused as refusal:
        return showing.connection(counter(session), found, problem=str(refusal), status=400)
    return pages.redirect(f"/connections/{connection_id}")


@app.post("/connections/<connection_id>/disconnect")
def disconnect(connection_id: str) -> Response[str]:
    posted()
    disconnecting.start(
        known(connection_id),
        office=services().office(),
        changes=services().changes,
        polls=services().polls,
    )
    return pages.redirect(f"/connections/{connection_id}")


@app.post("/connections/<connection_id>/people/<resource>/invite")
def invite(connection_id: str, resource: str) -> Response[str]:
    _, form = posted()
    order = inviting.once_more(
        known(connection_id).connection, resource, form.get("invited_at", "")
    )
    services().invites.put([invite_message(order, random_text())])
    return pages.redirect(f"/connections/{connection_id}")


@app.get("/connections/<connection_id>/parked")
def parked(connection_id: str) -> Response[str]:
    session, found = signed_in(), known(connection_id)
    asked = request().query_string_parameters
    return showing.parked(
        counter(session), found, parked_pages.typed(asked), dry="dry" in asked
    )


@app.post("/connections/<connection_id>/parked/replay")
def replay_all(connection_id: str) -> Response[str]:
    session, form = posted()
    found, wanted = known(connection_id), parked_pages.typed(form)
    choice = parked_pages.choice(wanted)
    done = send_again(replaying.chosen(connection_id, choice, services().state))
    return showing.parked(counter(session), found, wanted, done=done)


@app.post("/connections/<connection_id>/parked/<item>/replay")
def replay(connection_id: str, item: str) -> Response[str]:
    posted()
    known(connection_id)
    lying = services().state.read(Parked, connection_id, item)
    send_again([lying] if lying else [])
    return pages.redirect(f"/connections/{connection_id}/parked")


@app.get("/connections/<connection_id>/appointments")
def find_appointment(connection_id: str) -> Response[str]:
    signed_in()
    wanted = request().query_string_parameters.get("id", "").strip()
    appointment = salesforce_id(wanted, explaining.APPOINTMENT)
    if not appointment:
        raise Refused("A Service Appointment's id begins with 08p and has 15 or 18 characters.")
    return pages.redirect(f"/connections/{connection_id}/appointments/{appointment}")


@app.get("/connections/<connection_id>/appointments/<appointment>")
def explain(connection_id: str, appointment: str) -> Response[str]:
    session, found = signed_in(), known(connection_id)
    state, ledger = services().state, services().ledger
    told = explaining.explain(appointment, connection=connection_id, state=state, ledger=ledger)
    story = explained.story(told, connection_id, state)
    return counter(session).page("appointment.html", found, story=story)


@app.exception_handler(NoSession)  # type: ignore[untyped-decorator]
def no_session(_: NoSession) -> Response[str]:
    return pages.message(NOBODY, status=403)


@app.exception_handler(NotFound)  # type: ignore[untyped-decorator]
def not_found(_: NotFound) -> Response[str]:
    return pages.message("There is no such connection.", status=404)


@app.exception_handler(Refused)  # type: ignore[untyped-decorator]
def refused(refusal: Refused) -> Response[str]:
    return pages.message(str(refusal), status=400)


@app.exception_handler(Unavailable)  # type: ignore[untyped-decorator]
def unavailable(error: Unavailable) -> Response[str]:
    return pages.message(f"Please try again in a moment: {error}.", status=502)


@app.not_found
def no_page(_: Exception) -> Response[str]:
    return pages.message("There is no such page.", status=404)


def request() -> APIGatewayProxyEventV2:
    event = app.current_event
    assert isinstance(event, APIGatewayProxyEventV2)  # noqa: S101 (the resolver's own kind)
    return event


def signed_in() -> sessions.Session:
    session = pages.session_of(request(), services().console_key, now())
    if session is None:
        raise NoSession
    return session


def posted() -> tuple[sessions.Session, dict[str, str]]:
    """A form of one of our own pages."""
    session, form = signed_in(), pages.form(request())
    sessions.check_form(form.get("form_token", ""), session, services().console_key)
    return session, form


def known(connection_id: str) -> Connection:
    found = services().state.read(Connection, connection_id)
    if found is None:
        raise NotFound
    return found


def own_url() -> str:
    """The address under which the operator reached us."""
    if services().settings.public_url:
        return address(services().settings.public_url)
    scheme = request().headers.get("x-forwarded-proto") or "https"
    return f"{scheme}://{request().headers['host']}"


def address(url: str) -> str:
    return url.rstrip("/")


def counter(session: sessions.Session) -> Counter:
    """Where the operator of a session is served."""
    return Counter(
        session=session,
        key=services().console_key,
        state=services().state,
        ledger=services().ledger,
        now=now(),
        url=own_url(),
        login_url=services().settings.salesforce_login_url,
    )


def send_again(items: Sequence[Parked]) -> replaying.Replayed:
    end = now() + LONGEST_REPLAY
    return replaying.replay(
        items,
        state=services().state,
        queues=services().queues,
        random=random_text,
        more=lambda: now() < end,
    )

"""Rule: what an operator may set of a connection, and change at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.connecting import habits
from fieldlink.errors import Refused, Unavailable
from fieldlink.records import Connection, WebhookKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.ports import State
    from fieldlink.records import Record

SMALLEST_RADIUS, LARGEST_RADIUS = 50, 5_000  # metres; HyperTrack suggests 100 or more
MOST_EARLY_HOURS = 336  # two weeks
MOST_OVERLAP = 60  # minutes
MOST_LEAD = 720  # minutes
OF_TRACKING = ("tracking", "track_mode", "lead", "by_shifts", "radius")
YES_OR_NO = ("yes", "no")


class Typed(NamedTuple):
    """The form of a new connection; from `radius` on, of the settings."""

    name: str = ""
    account: str = ""
    secret: str = ""
    login_host: str = ""
    authorise: str = "web"
    username: str = ""
    audience: str = ""
    radius: str = "100"
    early_hours: str = "12"
    invitation_template: str = ""
    overlap: str = "10"
    quota_share: str = "5"
    tracking: str = "geofences"
    track_mode: str = "pre_shift"
    lead: str = "60"
    by_shifts: str = "no"
    live_positions: str = "no"
    outage_notice: str = "task"
    share_field: str = ""


class Form(NamedTuple):
    """All that an operator types to change a connection."""

    typed: Typed
    habits: habits.Habits


def form_of(connection: Connection, fields: Mapping[str, str] | None = None) -> Form:
    """The settings as they stand, and over them what was typed."""
    sent = fields or {}
    written = habits.habits_of(connection.practice)
    return Form(filled(settings_of(connection), sent), habits.filled(written, sent))


def filled(typed: Typed, fields: Mapping[str, str]) -> Typed:
    """A field that is not sent stays as it is."""
    return typed._replace(**{name: fields[name] for name in typed._fields if name in fields})


def wanted(connection: Connection, form: Form) -> Connection:
    """The connection as it was typed. Refused if that can't be meant so."""
    practice = habits.checked_habits(form.habits)
    return connection.model_copy(update={**checked_settings(form.typed), "practice": practice})


def change_settings(changed: Connection, state: State) -> Connection:
    """Keep a connection as it is wanted; the webhook door learns whether positions are."""
    keys = state.read(WebhookKeys, changed.connection)
    records: list[Record] = []
    if keys and keys.live_positions != changed.live_positions:
        records.append(keys.model_copy(update={"live_positions": changed.live_positions}))
    # The connection last: who then types it again still sees what has not been changed yet.
    records.append(changed)
    for record in records:
        if not state.write(record):
            raise Unavailable("somebody else changed this connection just now")
    return changed


def tracked_otherwise(was: Connection, now: Connection) -> bool:
    """Whether people who stand where they stood are to be tracked in another way."""
    return any(getattr(was, each) != getattr(now, each) for each in OF_TRACKING)


def settings_of(connection: Connection) -> Typed:
    """The form of the settings as they stand."""
    return Typed(
        radius=str(connection.radius),
        early_hours=str(connection.early_hours),
        overlap=str(connection.overlap),
        quota_share=str(connection.quota_share),
        tracking=connection.tracking,
        track_mode=connection.track_mode,
        lead=str(connection.lead),
        by_shifts=_shown(connection.by_shifts),
        live_positions=_shown(connection.live_positions),
        outage_notice=connection.outage_notice,
        share_field=connection.share_field,
        invitation_template=connection.invitation_template,
    )


def checked_settings(typed: Typed) -> dict[str, int | str | bool]:
    """The settings that an operator may change at any time."""
    return _checked_limits(typed) | _checked_tracking(typed)


def _checked_tracking(typed: Typed) -> dict[str, int | str | bool]:
    """How people are tracked, and who is told what of it."""
    for word, allowed in (
        (typed.tracking, ("geofences", "orders")),
        (typed.track_mode, ("pre_shift", "on_shift", "full_shift")),
        (typed.outage_notice, ("task", "mail", "none")),
        (typed.by_shifts, YES_OR_NO),
        (typed.live_positions, YES_OR_NO),
    ):
        if word not in allowed:
            raise Refused(f"Choose one of {', '.join(allowed)}.")
    lead, field = _number(typed.lead), typed.share_field.strip()
    if not 0 <= lead <= MOST_LEAD:
        raise Refused(f"An order is tracked from 0 to {MOST_LEAD} minutes before its start.")
    if field and not habits.CUSTOM_FIELD.fullmatch(field):
        raise Refused("The field for the customer's link is a custom field, as Live_Link__c.")
    return {
        "tracking": typed.tracking,
        "track_mode": typed.track_mode,
        "lead": lead,
        "by_shifts": typed.by_shifts == "yes",
        "live_positions": typed.live_positions == "yes",
        "outage_notice": typed.outage_notice,
        "share_field": field,
    }


def _checked_limits(typed: Typed) -> dict[str, int | str | bool]:
    metres, hours = _number(typed.radius), _number(typed.early_hours)
    minutes, percent = _number(typed.overlap), _number(typed.quota_share)
    if not SMALLEST_RADIUS <= metres <= LARGEST_RADIUS:
        raise Refused(f"The radius is {SMALLEST_RADIUS} to {LARGEST_RADIUS} whole metres.")
    if not 1 <= hours <= MOST_EARLY_HOURS:
        raise Refused(f"An arrival counts from 1 to {MOST_EARLY_HOURS} hours before its time.")
    template = typed.invitation_template.strip()
    if template and not (template.startswith("https://") and "{resource_id}" in template):
        raise Refused("A link template begins with https:// and contains {resource_id}.")
    if not 1 <= minutes <= MOST_OVERLAP:
        raise Refused(f"Each look reaches back 1 to {MOST_OVERLAP} minutes past the last one.")
    if not 1 <= percent <= 100:
        raise Refused("The share of the org's API calls is 1 to 100 percent.")
    return {
        "radius": metres,
        "early_hours": hours,
        "invitation_template": template,
        "overlap": minutes,
        "quota_share": percent,
    }


def _shown(wanted: bool) -> str:
    return "yes" if wanted else "no"


def _number(text: str) -> int:
    """A short whole number; -1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1

"""Rule: the geofence of closed work stays until its resource was seen to leave.

Who completes work in Salesforce mostly is on site still, and HyperTrack tells of leaving only
while the geofence stands.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.hours.parting import LONGEST_STAY
from fieldlink.models import Category, Kind
from fieldlink.records import Visit
from fieldlink.tracking import fencing, waking
from fieldlink.writing import visits

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.models import Fact
    from fieldlink.records import Appointment, Tracking
    from fieldlink.tracking.tracking import Ground
    from fieldlink.tracking.whose_work import People

# Nobody is watched for longer after we saw their work closed: at most 12 h / 15 min = 48 looks,
# each at the next five-minute tick, so that the last one comes within 12 h 5 min.
LONGEST = timedelta(hours=12)
# UpdateSalesforce asks for a look once it hears of leaving; these are in case that is lost.
AGAIN = timedelta(minutes=15)
COMING_OR_GOING = {Kind.ARRIVED, Kind.LEFT, Kind.CHECKED_OUT}


def look(
    tracking: Tracking, closed: Appointment | None, people: People, ground: Ground
) -> tuple[Tracking, bool]:
    """Whether the geofence has to stay, noted with the tracking and in the time to look again.

    `closed`: the appointment, if it is over as this resource's work.
    """
    if closed is None:
        return _open_again(tracking, ground), False
    since, live = tracking.closed_at or ground.now, tracking.live
    stays = (
        live is not None
        and ground.connection.live
        and closed.category is not Category.CANCELED
        and ground.now < since + LONGEST
        and people.at_work(tracking.resource)
        and _on_site(tracking, since, ground)
        and people.device(tracking.resource) == live.fence.device
    )
    return (_noted(tracking, since, ground), True) if stays else (tracking, False)


def _on_site(tracking: Tracking, since: datetime, ground: Ground) -> bool:
    """Whether the last that is known of the resource there is that it came."""
    visit = ground.state.read(Visit, tracking.connection, tracking.appointment)
    facts = _heard(visit) if visit else []
    own = [each for each in facts if each.resource == tracking.resource]
    moves = (each for each in own if each.kind in COMING_OR_GOING)
    last = max(moves, key=visits.when, default=None)
    if last is None or last.kind is not Kind.ARRIVED or since - last.at > LONGEST_STAY:
        return False
    return not (ground.connection.practice.complete_by == "exit" and _given_up(facts))


def _heard(visit: Visit) -> list[Fact]:
    """Also what is just being written, and what is parked and may have been written."""
    begun = (*visit.doubtful.values(), *([visit.intent] if visit.intent else []))
    told = (*visit.facts.values(), *(one for each in begun for one in each.told))
    return [each.fact for each in told]


def _given_up(facts: list[Fact]) -> bool:
    """Where leaving is as good as checking out, it would complete what was cancelled."""
    return any(each.kind is Kind.CANCELLED for each in facts)


def _noted(tracking: Tracking, since: datetime, ground: Ground) -> Tracking:
    """The same moments for all who look, so that many looks do not make more and more."""
    again = since + ((ground.now - since) // AGAIN + 1) * AGAIN
    name = tracking.connection
    waking.at(name, again, tracking.resource, tracking.assignment, state=ground.state)
    if tracking.closed_at:
        return tracking
    _tell_geofence(tracking.model_copy(update={"closed_at": since}), ground)
    return fencing.keep(tracking, ground, closed_at=since)


def _open_again(tracking: Tracking, ground: Ground) -> Tracking:
    if tracking.closed_at is None:
        return tracking
    _tell_geofence(tracking.model_copy(update={"closed_at": None}), ground)
    return fencing.keep(tracking, ground, closed_at=None)


def _tell_geofence(tracking: Tracking, ground: Ground) -> None:
    if tracking.live:
        ground.state.write_all([fencing.remembered(tracking, tracking.live.id)])

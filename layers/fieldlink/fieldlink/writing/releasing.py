"""Rule: what is begun and not ended is kept aside, so that others go on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, must
from fieldlink.records import Visit
from fieldlink.writing import days, intents
from fieldlink.writing.standing import ABANDONED

if TYPE_CHECKING:
    from datetime import date

    from fieldlink.records import Anchor, Intent
    from fieldlink.writing.desk import Desk


def release(delivery: str, appointment: str, desk: Desk) -> None:
    """Let others go on with the appointment of a delivery that is parked, and with its days.

    Whether its last try was carried out may not be known. So the intent is kept aside, and is
    looked for when the delivery comes again. If that was only told along, whoever began may
    still be at it.
    """
    visit = desk.state.read(Visit, desk.connection.connection, appointment)
    intent = visit and visit.intent
    if not visit or not intent:
        return
    first = intent.delivered
    theirs = intent.told if desk.now - intent.since >= ABANDONED else (first,)
    if any(each.delivery == delivery for each in theirs):
        for each in intent.days:
            with suppress(Refused):  # what can't be read nobody is at
                release_day(first.delivery, first.fact.resource, each, desk)
        must(desk.state.write(aside(visit, intent)))


def release_day(delivery: str, resource: str, on: date, desk: Desk) -> None:
    day = days.read(resource, on, desk)
    if day.intent and day.intent.delivered.delivery == delivery:
        must(desk.state.write(aside(day, day.intent)))


def aside[A: Anchor](anchor: A, intent: Intent) -> A:
    """Nobody's any more: who comes with one of its facts looks for what it may have done."""
    singly = {each.delivered.fact.key: each for each in intents.singly(intent)}
    doubtful = {**anchor.doubtful, **singly}
    return anchor.model_copy(update={"intent": None, "doubtful": doubtful})

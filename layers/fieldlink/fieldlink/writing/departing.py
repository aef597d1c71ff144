"""Rule: who was seen to leave closed work need not be seen there any longer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fieldlink.commands import sync_message
from fieldlink.errors import Unavailable
from fieldlink.models import Kind, Sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Fact, View
    from fieldlink.writing.desk import Desk


def look(fact: Fact, known: Iterable[Fact], view: View, desk: Desk) -> None:
    """Have the geofence go that stayed for this departure, see `seeing_off`.

    If that is lost, the time to look again that was noted there makes up for it. For who has
    checked out none stays.
    """
    if fact.kind is not Kind.LEFT or not view.category.closed:
        return
    own = (each for each in known if each.resource == fact.resource)
    if any(each.kind is Kind.CHECKED_OUT for each in own):
        return
    sync = Sync(connection=desk.connection.connection, resource=fact.resource)
    with suppress(Unavailable):
        desk.changes.put([sync_message(sync, f"left {fact.key}")])

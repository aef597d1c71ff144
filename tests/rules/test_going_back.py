"""What this version stores can be read by the one before it, if that is deployed again."""

from __future__ import annotations

import json

from fieldlink.models import Ability
from fieldlink.records import Capabilities
from tests.fakes import NOON
from tests.make import CONNECTION

# As the version before wrote and read them.
THEN = {
    "status",
    "actual start",
    "actual end",
    "actual duration",
    "actual travel time",
    "Events in the Activity",
    "new time sheets",
    "time sheet entries",
    "changed time sheet entries",
    "Tasks for the dispatcher",
    "Tasks of high priority",
    "share link",
    "last known positions",
}


def test_abilities_that_came_later_lie_apart_from_those_that_the_version_before_reads() -> None:
    everything = dict.fromkeys(Ability, "hidden")
    able = Capabilities(connection=CONNECTION, checked_at=NOON, lacking=everything)

    stored = json.loads(able.model_dump_json())

    assert set(stored["lacking"]) == THEN
    assert Capabilities.model_validate(stored) == able

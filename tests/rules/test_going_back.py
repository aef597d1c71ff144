"""What this version stores can be read by the one before it, if that is deployed again."""

from __future__ import annotations

import json

from fieldlink.models import Ability
from fieldlink.records import Capabilities, Part, Visit
from tests.fakes import NOON
from tests.make import APPOINTMENT, CONNECTION, RESOURCE

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


def test_what_days_know_is_marked_under_another_name_than_the_version_before_kept_it() -> None:
    day = f"{RESOURCE}/2026-03-04"
    work = {"start": "2026-03-04T09:00:00Z", "end": "2026-03-04T10:00:00Z"}
    part = {"appointment": APPOINTMENT, "number": "SA-0001", "zone": "UTC", "blocks": [work]}
    kept = {"connection": CONNECTION, "appointment": APPOINTMENT, "told": {day: part}}

    visit = Visit.model_validate_json(json.dumps(kept))

    assert visit.marks == {day: Part.model_validate(part).mark}
    assert "told" not in json.loads(visit.model_dump_json())
    assert Visit.model_validate_json(visit.model_dump_json()) == visit

"""Our doors and the reference stack, side by side on one emulator."""

import json
import random
from datetime import UTC, datetime

import pytest

from bench.__main__ import COMMAND, DOORS, LAYER
from bench.burst import Visit, burst
from bench.endtoend import difference, endtoend
from bench.storm.fleet import Fleet, deliveries, expected, standing
from local.runtime import OF_LAMBDA, ROOT
from local.salesforce import FakeSalesforce

AT = datetime(2026, 3, 4, 9, 7, tzinfo=UTC)


def test_both_ways_end_with_the_same_rows_before_a_figure_is_told() -> None:
    path = [DOORS, LAYER, OF_LAMBDA, ROOT]

    rows = endtoend(COMMAND, path, 2, appointments=5)

    assert [row.row for row in rows] == ["P11", "P11", "P12"]
    assert all(figure > 0 for row in rows for figure in (*row.ours, *row.theirs))


def test_two_orgs_that_differ_are_told_apart() -> None:
    one = {"events": [[1], [2]], "sheets": []}

    assert difference(one, {"events": [[1], [3]], "sheets": []}) == (
        "events: [[2]] | [[3]] of 2 and 2"
    )
    assert difference(one, one) == ""


def test_a_burst_is_the_same_each_time_and_tells_a_fifth_of_its_events_twice() -> None:
    visits = [Visit(f"08p{number}", "0Hn", AT) for number in range(20)]

    told = [event for body in burst(visits) for event in json.loads(body)]

    assert burst(visits) == burst(visits)
    assert len(told) == 20 * 3 * 1.2
    contents = [json.dumps({**each, "created_at": ""}) for each in told]
    assert len(set(contents)) == 20 * 3


@pytest.mark.parametrize("events", [40, 100, 1_000])
def test_a_storm_has_as_many_events_as_it_was_asked_for(events: int) -> None:
    visits = [Visit(f"08p{number}", "0Hn", AT, "Worker") for number in range(events // 5)]
    fleet = Fleet("c", "https://example.com", "secret", {"0Hn": "Worker"}, visits)

    sent = deliveries(fleet, events, random.Random(7))  # noqa: S311 (no secret)

    assert sum(each.events for each in sent) == events
    assert sum(len(json.loads(each.body)) for each in sent) == events


def test_what_a_storm_must_leave_is_not_there_before_it() -> None:
    with FakeSalesforce() as org:
        [resource] = org.add_resources(1)
        [appointment] = org.add_appointments(1, [resource], AT)
        visits = [Visit(appointment, resource, AT, "Worker 1")]

        assert standing(org) != expected(visits)
        assert {name for name, rows in expected(visits).items() if rows} == set(standing(org))

"""The contract file judges as the vendor's does, and the webhook examples keep to it."""

import json
from pathlib import Path

import pytest

from local.hypertrack import openapi

EVENTS = Path(__file__).parents[2] / "events" / "hypertrack"
# Named by a third party or inferred: the contract has no schema for these.
UNDECLARED = ("planning_", "timesheet_", "location_timesheet_")
EXACT = sorted(
    file
    for file in EVENTS.glob("order.*.json")
    if not file.name.removeprefix("order.").startswith(UNDECLARED)
)


@pytest.mark.parametrize("file", EXACT, ids=lambda each: each.stem)
def test_an_order_example_keeps_to_the_contract(file: Path) -> None:
    for event in json.loads(file.read_text()):
        assert openapi.schema_problems("OrderWebhookEvent", event) == []


def test_there_is_an_example_for_each_value_that_the_contract_declares() -> None:
    variants = openapi.contract()["components"]["schemas"]["OrderWebhookEvent"]
    assert len(EXACT) == len(variants["properties"]["data"]["oneOf"]) == 21


@pytest.mark.parametrize("file", sorted(EVENTS.glob("*.json")), ids=lambda each: each.stem)
def test_an_example_is_named_for_what_it_holds(file: Path) -> None:
    held = json.loads(file.read_text())
    events = held if isinstance(held, list) else [held]
    kind, *rest = file.stem.split(".")

    assert events
    if kind not in ("guide", "geotag", "shape", "skill", "test_event"):
        assert [each["type"] for each in events] == [kind]
        assert [each["data"].get("value") for each in events if rest] == rest


def test_null_is_allowed_where_the_contract_says_so_and_nowhere_else() -> None:
    body = {"worker_handle": "a", "name": None, "home": None}
    assert openapi.request_problems("POST", "/workers/", {}, body) == {}

    problems = openapi.request_problems("POST", "/workers/", {}, {"worker_handle": None})
    assert problems["json"].keys() == {"worker_handle"}


def test_an_answer_that_lacks_a_required_field_is_noticed() -> None:
    problems = openapi.answer_problems("GET", "/workers/", 200, {"workers": [{}]})

    assert any("worker_handle" in each for each in problems)


def test_the_query_is_read_with_its_types_and_defaults() -> None:
    query = openapi.read_query("GET", "/workers/", {"include_deleted": "True", "limit": "5"})

    assert (query["include_deleted"], query["limit"]) == (True, 5)
    assert openapi.read_query("GET", "/workers/", {})["limit"] == 25

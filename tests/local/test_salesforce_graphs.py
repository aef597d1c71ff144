"""Composite Graph of the simulator: many writes in one call, each graph whole or not at all."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.local.salesforce_setting import MORNING, TIMEOUT, Caller, graph, item, running

type Graph = dict[str, Any]


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def appointment(app: Caller) -> str:
    resource = app.salesforce.add_resource("Ada", "ada@example.com")
    return app.salesforce.add_appointment(resource, MORNING + timedelta(hours=1))


def order(reference: str, **fields: Any) -> dict[str, Any]:
    return item("POST", "sobjects/WorkOrder", reference, {"Subject": "x"} | fields)


def wrong(reference: str) -> dict[str, Any]:
    return item("POST", "sobjects/WorkOrder", reference, {"Nope": 1})


def codes(answered: Graph) -> list[str]:
    """Error code of each node, or its status."""
    items = answered["graphResponse"]["compositeResponse"]
    return [
        each["body"][0]["errorCode"]
        if each["httpStatusCode"] >= 400
        else str(each["httpStatusCode"])
        for each in items
    ]


def orders(app: Caller) -> int:
    return len(app.salesforce.rows("WorkOrder"))


def test_several_graphs_are_one_call_and_each_answers_for_itself(app: Caller) -> None:
    answered = app.graphs(graph("one", order("a"), order("b")), graph("2", order("a")))

    assert [each["graphId"] for each in answered] == ["one", "2"]
    assert [each["isSuccessful"] for each in answered] == [True, True]
    first = answered[0]["graphResponse"]["compositeResponse"][0]
    assert (first["referenceId"], first["httpStatusCode"]) == ("a", 201)
    assert first["httpHeaders"]["Location"].endswith(first["body"]["id"])
    assert orders(app) == 3
    assert app.salesforce.api_calls == 1


def test_a_node_uses_what_another_made(app: Caller) -> None:
    line = {"WorkOrderId": "@{made.id}", "Subject": "of @{made.id}"}

    [answered] = app.graphs(
        graph("g", order("made"), item("POST", "sobjects/WorkOrderLineItem", "line", line))
    )

    assert codes(answered) == ["201", "201"]
    made = app.salesforce.rows("WorkOrder")[0]["Id"]
    row = app.salesforce.rows("WorkOrderLineItem")[0]
    assert (row["WorkOrderId"], row["Subject"]) == (made, f"of {made}")


def test_a_graph_that_fails_leaves_nothing_and_the_others_stand(
    app: Caller, appointment: str
) -> None:
    writes, before = len(app.salesforce.writes), orders(app)
    patch = item("PATCH", f"sobjects/ServiceAppointment/{appointment}", "p", {"Subject": "x"})

    first, second, third = app.graphs(
        graph("a", order("a")),
        graph("b", patch, wrong("b"), order("c")),
        graph("c", order("a")),
    )

    assert [each["isSuccessful"] for each in (first, second, third)] == [True, False, True]
    assert codes(second) == ["PROCESSING_HALTED", "INVALID_FIELD", "PROCESSING_HALTED"]
    assert orders(app) == before + 2
    assert len(app.salesforce.writes) == writes + 2
    assert app.salesforce.row("ServiceAppointment", appointment)["Subject"] != "x"


@pytest.mark.parametrize(("failing", "begun"), [(14, True), (15, False)])
def test_after_more_than_14_failures_the_remaining_graphs_are_halted(
    app: Caller, failing: int, begun: bool
) -> None:
    bad = [graph(f"bad{each}", wrong("a")) for each in range(failing)]

    answered = app.graphs(*bad, graph("good", order("a"), order("b")))

    assert all(codes(each) == ["INVALID_FIELD"] for each in answered[:-1])
    halted = ["PROCESSING_HALTED", "PROCESSING_HALTED"]
    assert codes(answered[-1]) == (["201", "201"] if begun else halted)
    assert answered[-1]["isSuccessful"] is begun
    assert orders(app) == (2 if begun else 0)


def chain(length: int) -> Graph:
    links = [
        order(f"n{each}", Subject=f"@{{n{each - 1}.id}}" if each else "first")
        for each in range(length)
    ]
    return graph("g", *links)


def kinds(count: int) -> Graph:
    """Nodes of that many kinds: method, version and object tell them apart."""
    version = [f"/services/data/v{52 + each}.0/sobjects/WorkOrder" for each in range(count)]
    nodes = [
        {"method": "POST", "url": url, "referenceId": f"n{each}", "body": {}}
        for each, url in enumerate(version)
    ]
    return graph("g", *nodes)


@pytest.mark.parametrize(
    ("most", "more"),
    [
        (
            [graph(f"g{each}", order("a")) for each in range(75)],
            [graph(f"g{each}", order("a")) for each in range(76)],
        ),
        (
            [graph("g", *(order(f"n{each}") for each in range(500)))],
            [graph("g", *(order(f"n{each}") for each in range(501)))],
        ),
        ([chain(15)], [chain(16)]),
        ([kinds(15)], [kinds(16)]),
    ],
    ids=["graphs", "nodes", "depth", "kinds"],
)
def test_the_limits_hold_to_the_last_one(
    app: Caller, most: list[Graph], more: list[Graph]
) -> None:
    assert all(each["isSuccessful"] for each in app.graphs(*most))
    made = orders(app)

    refused = app.refused("POST", "composite/graph", {"graphs": more})

    assert refused == (400, "LIMIT_EXCEEDED")
    assert orders(app) == made


def test_nodes_of_one_object_with_other_methods_are_different_ones(
    app: Caller, appointment: str
) -> None:
    path = f"sobjects/ServiceAppointment/{appointment}"
    change, read = item("PATCH", path, "p", {"Subject": "x"}), item("GET", path, "g")

    assert app.graphs(graph("a", *kinds(14)["compositeRequest"], change))[0]["isSuccessful"]
    refused = app.refused(
        "POST",
        "composite/graph",
        {"graphs": [graph("a", *kinds(14)["compositeRequest"], change, read)]},
    )

    assert refused == (400, "LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    "items",
    [
        [item("GET", "query?q=SELECT+Id+FROM+WorkOrder", "a")],
        [item("GET", "limits", "a")],
        [item("GET", "sobjects/WorkOrder", "a")],
        [item("GET", "sobjects/WorkOrder/describe", "a")],
        [item("POST", "sobjects/WorkOrder/0WO000000000001AAA", "a", {})],
        [item("POST", "composite/sobjects", "a", {})],
        [item("PUT", "sobjects/WorkOrder", "a", {})],
    ],
)
def test_only_rows_may_be_written_and_read_in_a_graph(
    app: Caller, items: list[dict[str, Any]]
) -> None:
    body = {"graphs": [graph("g", *items)]}

    assert app.refused("POST", "composite/graph", body) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    ("graphs", "code"),
    [
        ([], "INVALID_INPUT"),
        ("g", "INVALID_INPUT"),
        ([graph("g")], "INVALID_INPUT"),
        ([graph("_g", order("a"))], "INVALID_INPUT"),
        ([graph("g.1", order("a"))], "INVALID_INPUT"),
        ([graph("g" * 40, order("a"))], "INVALID_INPUT"),
        ([graph("g", order("a")), graph("g", order("a"))], "INVALID_INPUT"),
        ([graph("g", order("a"), order("a"))], "INVALID_INPUT"),
        ([graph("g", order("a-b"))], "INVALID_INPUT"),
        ([{"graphId": "g", "compositeRequest": [{"method": "POST"}]}], "JSON_PARSER_ERROR"),
        ([{"graphId": "g"}], "JSON_PARSER_ERROR"),
    ],
)
def test_what_is_no_list_of_named_graphs_is_refused(
    app: Caller, graphs: Any, code: str
) -> None:
    assert app.refused("POST", "composite/graph", {"graphs": graphs}) == (400, code)
    assert orders(app) == 0


def test_a_reference_to_another_graph_finds_nothing(app: Caller) -> None:
    line = item("POST", "sobjects/WorkOrderLineItem", "line", {"WorkOrderId": "@{made.id}"})

    made, lost = app.graphs(graph("a", order("made")), graph("b", line))

    assert (made["isSuccessful"], codes(lost)) == (True, ["PROCESSING_HALTED"])


def test_an_api_without_graphs_answers_404_and_a_composite_holds_none(app: Caller) -> None:
    nested = app.composite(
        item("POST", "composite/graph", "a", {"graphs": [graph("g", order("a"))]})
    )

    older = requests.post(
        f"{app.salesforce.url}/services/data/v49.0/composite/graph",
        json={"graphs": [graph("g", order("a"))]},
        headers={"Authorization": f"Bearer {app.tokens['access_token']}"},
        timeout=TIMEOUT,
    )

    assert app.refused("GET", "composite/graph")[0] == 405
    assert nested[0]["body"][0]["errorCode"] == "INVALID_INPUT"
    assert (older.status_code, orders(app)) == (404, 0)


@pytest.fixture
def keyed(app: Caller) -> Caller:
    app.salesforce.add_field("Event", "Key__c", external_id=True, unique=True)
    return app


def event(method: str, reference: str, body: Any = None) -> dict[str, Any]:
    return item(method, "sobjects/Event/Key__c/a%3Ab%20c", reference, body)


def test_a_row_is_made_found_changed_and_deleted_by_its_key(
    keyed: Caller, appointment: str
) -> None:
    body = {
        "Subject": "Arrived",
        "WhatId": appointment,
        "StartDateTime": "2026-03-04T09:00:00Z",
        "DurationInMinutes": 0,
    }

    [made] = keyed.graphs(graph("a", event("PATCH", "p", body)))
    [again] = keyed.graphs(graph("a", event("PATCH", "p", body), event("GET", "g")))

    assert codes(made) == ["201"]
    assert made["graphResponse"]["compositeResponse"][0]["body"]["created"] is True
    assert codes(again) == ["200", "200"]
    changed, found = (each["body"] for each in again["graphResponse"]["compositeResponse"])
    assert (changed["created"], found["Key__c"]) == (False, "a:b c")
    [gone] = keyed.graphs(graph("a", event("DELETE", "d")))
    assert (codes(gone), keyed.salesforce.rows("Event")) == (["204"], [])


def test_a_row_that_is_made_with_a_key_that_is_taken_fails_its_graph(
    keyed: Caller, appointment: str
) -> None:
    body = {
        "WhatId": appointment,
        "StartDateTime": "2026-03-04T09:00:00Z",
        "DurationInMinutes": 0,
    }

    first, second = keyed.graphs(
        graph("a", event("POST", "p", body)), graph("b", event("POST", "p", body))
    )

    assert (codes(first), codes(second)) == (["201"], ["DUPLICATE_VALUE"])
    assert len(keyed.salesforce.rows("Event")) == 1


def test_a_fault_can_fail_one_graph_of_many(app: Caller) -> None:
    app.salesforce.faults.append(
        {
            "match": {"method": "GRAPH", "contains": "second"},
            "errorCode": "UNABLE_TO_LOCK_ROW",
        }
    )

    answered = app.graphs(
        graph("a", order("a", Subject="first")),
        graph("b", order("a", Subject="second"), order("b")),
        graph("c", order("a", Subject="third")),
    )

    assert [each["isSuccessful"] for each in answered] == [True, False, True]
    assert codes(answered[1]) == ["UNABLE_TO_LOCK_ROW", "PROCESSING_HALTED"]
    assert orders(app) == 2


def test_a_fault_can_lock_a_share_of_the_writes_the_same_for_the_same_seed() -> None:
    def locked() -> list[bool]:
        with running() as app:
            app.salesforce.faults.append(
                {
                    "match": {"method": "GRAPH"},
                    "times": None,
                    "share": 0.2,
                    "seed": 7,
                    "errorCode": "UNABLE_TO_LOCK_ROW",
                }
            )
            calls = [
                app.graphs(*(graph(f"g{each}", order("a")) for each in range(10)))
                for _ in range(10)
            ]
            return [not each["isSuccessful"] for call in calls for each in call]

    first = locked()

    assert first == locked()
    assert 10 <= sum(first) <= 30


def test_work_can_be_done_and_its_answer_lost(app: Caller) -> None:
    app.salesforce.faults.append(
        {"match": {"path": "composite/graph"}, "after": True, "status": 500, "body": ""}
    )

    lost = app.call("POST", "composite/graph", {"graphs": [graph("g", order("a"))]})

    assert (lost.status_code, orders(app)) == (500, 1)

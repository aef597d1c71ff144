"""Composite Graph: up to 500 writes in one call, in graphs of which each is done whole or not.

Source: REST guide, "Composite Graph", "Using Composite Graphs", "Composite Graph Limits". The
answer is 200 whatever happened inside; what breaks a limit refuses the whole call, in words
of ours. The guide does not order what does not refer to each other: here as in a Composite.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from local.salesforce.calls import Answer, Call
from local.salesforce.composite import (
    HALTED,
    KNOWN,
    NEEDED,
    REFERENCE,
    Done,
    Item,
    Undo,
    in_order,
    item_of,
    resolved,
    rolled_back,
)
from local.salesforce.errors import Refusal
from local.salesforce.faults import Faults
from local.salesforce.org import Org

MOST_GRAPHS = 75
MOST_NODES = 500
MOST_KINDS = 15
DEEPEST = 15
MOST_FAILURES = 14  # the graphs after one more than these are not begun
NAME = re.compile(r"[A-Za-z0-9]\w{0,38}", re.ASCII)
ADDRESS = re.compile(
    r"/services/data/(v\d+\.0)/sobjects/(\w+)"
    r"(?:/(?!describe|updated|deleted)([^/?]+)(?:/(.+?))?)?/?"
)
METHODS = ({"POST"}, {"GET", "PATCH", "DELETE"}, {"GET", "PATCH", "POST", "DELETE"})

type Graph = dict[str, Any]
type Send = Callable[[Call], Answer]


def answer(org: Org, call: Call, send: Send) -> Answer:
    graphs = _checked(call.json().get("graphs"))
    answered: list[Graph] = []
    failed = 0
    for graph in graphs:
        done = _halted(graph) if failed > MOST_FAILURES else _done(org, call, graph, send)
        failed += not done["isSuccessful"]
        answered.append(done)
    return Answer(200, {"graphs": answered})


def _done(org: Org, call: Call, graph: Graph, send: Send) -> Graph:
    items: list[Item] = graph["compositeRequest"]
    done: Done = {}
    try:
        with org.records.all_or_nothing():
            _faulty(org.faults, graph, done)
            for at in in_order(items):
                done[items[at]["referenceId"]] = _run(call, items[at], done, send)
                if _failed(done[items[at]["referenceId"]]):
                    raise Undo
    except Undo:
        done = rolled_back(items, done)
    return _answered(graph, done)


def _faulty(faults: Faults, graph: Graph, done: Done) -> None:
    """A fault may fit one graph as it fits a call of its own: the method is then GRAPH."""
    path = f"composite/graph/{graph['graphId']}"
    fault = faults.take("GRAPH", path, json.dumps(graph), refusals=True)
    if fault:
        refusal = Refusal(fault["errorCode"], fault.get("message", "injected fault"))
        first = graph["compositeRequest"][0]
        done[first["referenceId"]] = item_of(first, refusal)
        raise Undo


def _run(call: Call, item: Item, done: Done, send: Send) -> Item:
    try:
        url = str(resolved(item["url"], done))
        body = resolved(item.get("body"), done)
        inner = call.within(item["method"], url, body, item.get("httpHeaders") or {})
        return item_of(item, send(inner))
    except Refusal as refusal:
        return item_of(item, refusal)


def _failed(item: Item) -> bool:
    return bool(item["httpStatusCode"] >= 300)


def _halted(graph: Graph) -> Graph:
    items = graph["compositeRequest"]
    return _answered(graph, {each["referenceId"]: item_of(each, HALTED) for each in items})


def _answered(graph: Graph, done: Done) -> Graph:
    items = [done[each["referenceId"]] for each in graph["compositeRequest"]]
    return {
        "graphId": graph["graphId"],
        "graphResponse": {"compositeResponse": items},
        "isSuccessful": not any(_failed(each) for each in items),
    }


def _checked(graphs: Any) -> list[Graph]:
    if not isinstance(graphs, list) or not graphs:
        raise Refusal("INVALID_INPUT", "graphs must be a non-empty array")
    for graph in graphs:
        _well_formed(graph)
    _named([graph["graphId"] for graph in graphs], "graphId")
    items = [item for graph in graphs for item in graph["compositeRequest"]]
    _within("graphs in one payload", len(graphs), MOST_GRAPHS)
    _within("nodes in one payload", len(items), MOST_NODES)
    _within("different nodes in one payload", len({_kind(each) for each in items}), MOST_KINDS)
    for graph in graphs:
        _within("levels in one graph", _depth(graph["compositeRequest"]), DEEPEST)
    return graphs


def _well_formed(graph: Any) -> None:
    if not isinstance(graph, dict) or set(graph) != {"graphId", "compositeRequest"}:
        raise Refusal("JSON_PARSER_ERROR", "a graph has graphId and compositeRequest")
    items = graph["compositeRequest"]
    if not isinstance(items, list) or not items:
        raise Refusal("INVALID_INPUT", "compositeRequest must be a non-empty array")
    if not all(isinstance(item, dict) and NEEDED <= set(item) <= KNOWN for item in items):
        raise Refusal(
            "JSON_PARSER_ERROR",
            "a subrequest has method, url, referenceId, body and httpHeaders",
        )
    _named([item["referenceId"] for item in items], "referenceId")


def _named(names: list[Any], what: str) -> None:
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Refusal("INVALID_INPUT", f"invalid {what}: {name}")
    if len(set(names)) < len(names):
        raise Refusal("INVALID_INPUT", f"each {what} must be unique")


def _within(what: str, found: int, most: int) -> None:
    if found > most:
        raise Refusal("LIMIT_EXCEEDED", f"no more than {most} {what} are allowed")


def _kind(item: Item) -> tuple[str, str, str]:
    """Version, method and object of a node; refuses what a graph may not hold."""
    found, method = ADDRESS.fullmatch(str(item["url"])), str(item["method"]).upper()
    allowed = METHODS[sum(part is not None for part in found.groups()[2:])] if found else set()
    if not found or method not in allowed:
        raise Refusal("INVALID_INPUT", f"not supported in a graph: {method} {item['url']}")
    return found[1], method, found[2].casefold()


def _depth(items: list[Item]) -> int:
    """How many nodes the longest chain of references has."""
    levels: dict[str, int] = {}
    for item in items:
        referred = REFERENCE.findall(f"{item['url']} {json.dumps(item.get('body'))}")
        levels[item["referenceId"]] = 1 + max(
            (levels.get(name, 0) for name, _ in referred), default=0
        )
    return max(levels.values())

"""Many writes in few calls: each is a graph of a Composite Graph, done whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters import salesforce_requests
from fieldlink.adapters.salesforce_errors import HALTED, body_errors, refusal
from fieldlink.errors import Closed, Contended, FieldlinkError, Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fieldlink.adapters.salesforce_requests import Node
    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import Writes, Written

MOST_GRAPHS, MOST_NODES = 75, 500  # in one call
# The guide does not say in which order a graph is worked off. A Composite keeps it.
MOST_IN_ORDER = 25
# A call in which 15 graphs have failed leaves the others undone: of 100 that all fail it takes
# seven. One that is refused as a whole, for one of its graphs, is sent again in halves.
MOST_CALLS = 16
REQUEST_ID = "X-SFDC-Request-Id"
GONE = "ENTITY_IS_DELETED"

type Answer = Written | FieldlinkError


class Org(NamedTuple):
    """An org that is written to: what its connection wants, and what has a key of ours."""

    rest: SalesforceRest
    wants: Wants
    keyed: Collection[str] = ()


class Graph(NamedTuple):
    """One of the writes, by its number among all, as the nodes of a graph."""

    number: int
    writes: Writes
    nodes: list[Node]

    @property
    def name(self) -> str:
        return f"w{self.number}"

    @property
    def in_order(self) -> bool:
        """Whether one of its nodes has to come before another that does not refer to it."""
        return bool(self.writes.through) and len(self.nodes) <= MOST_IN_ORDER


def write_all(several: Sequence[Writes], org: Org) -> list[Answer]:
    """Each has an answer, or the error that it alone, or its call, has met with."""
    answers: dict[int, Answer] = {}
    graphs = []
    for number, writes in enumerate(several):
        try:
            nodes = salesforce_requests.nodes(writes, org.rest.base, org.wants, org.keyed)
            graphs.append(Graph(number, writes, nodes))
        except ValueError as error:
            answers[number] = Refused(f"this can't be written: {error}")
    free = [each for each in graphs if not each.in_order]
    answers |= _by_graphs([*_packed(free)], org)
    answers |= {each.number: _by_steps(each, org) for each in graphs if each.in_order}
    return [answers[number] for number in range(len(several))]


def _packed(graphs: list[Graph]) -> Iterator[list[Graph]]:
    """As many in a call as it takes; those that lock the same work order lie together, as what
    is in one call is done in turn.
    """
    some: list[Graph] = []
    nodes = 0
    for each in sorted(graphs, key=lambda each: each.writes.parent):
        nodes += len(each.nodes)
        if some and (nodes > MOST_NODES or len(some) == MOST_GRAPHS):
            yield some
            some, nodes = [], len(each.nodes)
        some.append(each)
    if some:
        yield some


def _by_graphs(waiting: list[list[Graph]], org: Org) -> dict[int, Answer]:
    answers: dict[int, Answer] = {}
    for _ in range(MOST_CALLS):
        if not waiting:
            break
        some = waiting.pop(0)
        try:
            told = _sent(some, org)
        except Refused as error:
            if len(some) == 1:
                answers[some[0].number] = error
            else:
                half = len(some) // 2
                waiting[:0] = [some[:half], some[half:]]
            continue
        except FieldlinkError as error:
            answers |= {each.number: error for each in some}
            return answers | _untried(waiting, error)
        answers |= told
        if undone := [each for each in some if each.number not in told]:
            waiting.insert(0, undone)
    return answers | _untried(waiting, Unavailable("Salesforce has left it undone"))


def _untried(waiting: list[list[Graph]], error: FieldlinkError) -> dict[int, Answer]:
    if not isinstance(error, Closed):
        error = Unavailable(f"not sent, after another call: {error}")
    return {each.number: error for some in waiting for each in some}


def _sent(some: list[Graph], org: Org) -> dict[int, Answer]:
    """The answers of one call, without those that it left undone because others failed."""
    graphs = [{"graphId": each.name, "compositeRequest": each.nodes} for each in some]
    answer = org.rest.together("composite/graph", {"graphs": graphs})
    try:
        told = {each["graphId"]: each["graphResponse"] for each in answer.json()["graphs"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error
    request = answer.headers.get(REQUEST_ID, "")
    found = {each.number: _answer(each, told.get(each.name), request) for each in some}
    return {number: each for number, each in found.items() if each}


def _by_steps(graph: Graph, org: Org) -> Answer:
    """A status on the way and the one to reach, one after the other."""
    try:
        answer = org.rest.composite(graph.nodes, atomic=True)
        found = _answer(graph, answer.json(), answer.headers.get(REQUEST_ID, ""))
    except FieldlinkError as error:
        return error
    except ValueError:
        found = None
    return found or Unclear("Salesforce's answer can't be read")


def _answer(graph: Graph, told: Any, request: str) -> Answer | None:
    """None if nothing of it was begun."""
    try:
        parts = told["compositeResponse"]
        failed = [part for part in parts if part["httpStatusCode"] >= 300]
        if failed:
            return _refused(failed)
        made = {part["referenceId"]: part["body"] for part in parts}
        bodies = {each["referenceId"]: made[each["referenceId"]] for each in graph.nodes}
        return salesforce_requests.written(graph.writes, bodies, request)
    except (KeyError, TypeError, AttributeError):
        return Unclear("Salesforce's answer can't be read")


def _refused(failed: list[dict[str, Any]]) -> FieldlinkError | None:
    """By the parts that failed themselves; all others were undone for them."""
    told = [(part, each) for part in failed for each in body_errors(part["body"])]
    telling = [(part, each) for part, each in told if each[0] != HALTED]
    if not telling:
        return None
    codes = {code for _, (code, _) in telling}
    if GONE in codes:  # a row that we have just seen: after another look nobody asks for it
        return Contended(f"Salesforce: {GONE}: a row was deleted since we looked")
    return refusal([each for _, each in telling], telling[0][0]["httpStatusCode"])

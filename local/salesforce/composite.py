"""Composite: up to 25 subrequests in one call, which may refer to each other's results.

Source: REST guide, "Composite". The answer is 200 whatever happened inside.
"""

import re
from collections.abc import Callable
from typing import Any

from local.salesforce.calls import Answer, Call, refused
from local.salesforce.errors import Refusal
from local.salesforce.org import Org

MOST = 25
MOST_QUERIES = 5  # of queries and collections together
REFERENCE = re.compile(r"@\{([A-Za-z0-9]\w*)((?:\.\w+|\[\d+\])*)\}")
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
NEEDED = {"method", "url", "referenceId"}
KNOWN = NEEDED | {"body", "httpHeaders"}
FORBIDDEN = {"composite", "composite/graph"}

HALTED = Refusal(
    "PROCESSING_HALTED",
    "The transaction was rolled back since another operation in the same transaction failed.",
)

Item = dict[str, Any]
Done = dict[str, Item]


class Undo(Exception):
    """Rolls back everything that an all-or-none composite did."""


def answer(org: Org, call: Call, send: Callable[[Call], Answer]) -> Answer:
    body = call.json()
    items = _checked(body.get("compositeRequest"))
    together = bool(body.get("allOrNone", False))
    order = in_order(items) if body.get("collateSubrequests", True) else range(len(items))
    done: Done = {}
    try:
        with org.records.all_or_nothing():
            for at in order:
                item = items[at]
                done[item["referenceId"]] = _run(call, item, done, send)
                if together and done[item["referenceId"]]["httpStatusCode"] >= 300:
                    raise Undo
    except Undo:
        done = rolled_back(items, done)
    return Answer(200, {"compositeResponse": [done[item["referenceId"]] for item in items]})


def _checked(items: Any) -> list[Item]:
    if not isinstance(items, list) or not items:
        raise Refusal("INVALID_INPUT", "compositeRequest must be a non-empty array")
    if not all(isinstance(item, dict) and NEEDED <= set(item) <= KNOWN for item in items):
        raise Refusal(
            "JSON_PARSER_ERROR",
            "a subrequest has method, url, referenceId, body and httpHeaders",
        )
    if len({item["referenceId"] for item in items}) < len(items):
        raise Refusal("INVALID_INPUT", "each referenceId must be unique")
    _within_limits(items)
    return items


def _within_limits(items: list[Item]) -> None:
    if len(items) > MOST:
        raise Refusal("LIMIT_EXCEEDED", f"no more than {MOST} subrequests are allowed")
    if sum(_is_query(item) for item in items) > MOST_QUERIES:
        raise Refusal(
            "LIMIT_EXCEEDED",
            f"no more than {MOST_QUERIES} subrequests may be sObject collections or query "
            "operations",
        )


def _is_query(item: Item) -> bool:
    return re.search(r"/v\d+\.0/(query|queryAll|composite/sobjects)\b", item["url"]) is not None


def in_order(items: list[Item]) -> list[int]:
    """Collation: unrelated subrequests of one kind are run together, so their order may change.

    A subrequest that refers to another keeps its place.
    """
    order: list[int] = []
    run: list[int] = []
    for at, item in enumerate(items):
        if REFERENCE.search(f"{item['url']} {item.get('body')}"):
            order += [*_collated(items, run), at]
            run = []
        else:
            run.append(at)
    return order + _collated(items, run)


def _collated(items: list[Item], run: list[int]) -> list[int]:
    first: dict[tuple[str, str], int] = {}
    for at in run:
        first.setdefault(_kind(items[at]), at)
    return sorted(run, key=lambda at: (first[_kind(items[at])], at))


def _kind(item: Item) -> tuple[str, str]:
    found = re.search(r"/sobjects/(\w+)", item["url"])
    return item["method"].upper(), found[1] if found else item["url"]


def _run(call: Call, item: Item, done: Done, send: Callable[[Call], Answer]) -> Item:
    try:
        url = str(resolved(item["url"], done))
        body = resolved(item.get("body"), done)
        inner = call.within(item["method"], url, body, item.get("httpHeaders") or {})
        if inner.path in FORBIDDEN or inner.path.startswith("limits"):
            raise Refusal("INVALID_INPUT", f"resource not allowed in a composite: {inner.path}")
        return item_of(item, send(inner))
    except Refusal as refusal:
        return item_of(item, refusal)


def item_of(item: Item, outcome: Answer | Refusal) -> Item:
    """What the answer says of one subrequest."""
    answered = refused(outcome) if isinstance(outcome, Refusal) else outcome
    return {
        "body": answered.body,
        "httpHeaders": answered.headers,
        "httpStatusCode": answered.status,
        "referenceId": item["referenceId"],
    }


def rolled_back(items: list[Item], done: Done) -> Done:
    """Those that failed say why; all others, that they were undone for it."""
    failed = [key for key, each in done.items() if each["httpStatusCode"] >= 300]
    undone = {item["referenceId"]: item_of(item, HALTED) for item in items}
    return undone | {key: done[key] for key in failed}


def resolved(value: Any, done: Done) -> Any:
    """The value with what it refers to in the place of the references."""
    if isinstance(value, dict):
        return {key: resolved(each, done) for key, each in value.items()}
    if isinstance(value, list):
        return [resolved(each, done) for each in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return _referred(whole[1], whole[2], done)
    return REFERENCE.sub(lambda match: str(_referred(match[1], match[2], done)), value)


def _referred(reference: str, path: str, done: Done) -> Any:
    found: Any = done.get(reference, {}).get("body")
    try:
        for name, index in STEP.findall(path):
            found = found[int(index)] if index else found[name]
    except (KeyError, IndexError, TypeError):
        found = None
    if found is None or done[reference]["httpStatusCode"] >= 300:
        raise Refusal(
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {reference}{path} found in {reference}",
        )
    return found

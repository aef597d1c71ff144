"""Query, QueryAll and Query More. Sources: REST guide, "Query", "Query Options Header"."""

import re
from datetime import timedelta
from typing import Any

from local.salesforce.calls import Answer, Call
from local.salesforce.errors import Refusal
from local.salesforce.org import Cursor, Org
from local.salesforce.results import Answers
from local.salesforce.soql import parse

LIFE = timedelta(days=2)
LEAST, MOST = 200, 2000  # rows that batchSize may ask for
CURSOR = re.compile(r"01g[0-9A-Za-z]{15}")


def query(org: Org, call: Call) -> Answer:
    return _answer(org, call, every=False)


def query_all(org: Org, call: Call) -> Answer:
    return _answer(org, call, every=True)


def more(org: Org, call: Call, locator: str) -> Answer:
    """The next page of a cursor, which lives for two days and shows the rows as they were."""
    name, _, start = locator.rpartition("-")
    cursor = org.cursors.get(name)
    known = cursor and start.isdigit() and int(start) < len(cursor.rows)
    if cursor is None or not known or cursor.opened + LIFE < org.clock():
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    return Answer(200, _page(org, call, name, cursor, int(start)))


def _answer(org: Org, call: Call, *, every: bool) -> Answer:
    if "q" not in call.query:
        raise Refusal("MALFORMED_QUERY", "Missing query parameter q")
    select = parse(call.query["q"])
    answers = Answers(org.store, org.view(), call.version)
    if select.counts:
        count = answers.count(select, every)
        return Answer(200, {"totalSize": count, "done": True, "records": []})
    cursor = Cursor(answers.rows(select, every), org.clock(), _batch_size(org, call))
    org.opened += 1
    name = f"01gKx{org.opened:013}"
    return Answer(200, _page(org, call, name, cursor, 0))


def _page(org: Org, call: Call, name: str, cursor: Cursor, start: int) -> dict[str, Any]:
    size = org.rules.page_sizes.pop(0) if org.rules.page_sizes else cursor.size
    end = start + size
    done = end >= len(cursor.rows)
    page: dict[str, Any] = {
        "totalSize": len(cursor.rows),
        "done": done,
        "records": cursor.rows[start:end],
    }
    if not done:
        org.cursors[name] = cursor
        _close_expired(org)
        page["nextRecordsUrl"] = f"/services/data/{call.version}/query/{name}-{end}"
    return page


def _close_expired(org: Org) -> None:
    since = org.clock() - LIFE
    org.cursors = {name: each for name, each in org.cursors.items() if each.opened >= since}


def _batch_size(org: Org, call: Call) -> int:
    asked = re.search(r"batchSize=(\d+)", call.headers.get("sforce-query-options", ""))
    if asked is None:
        return org.rules.page_size
    return min(org.rules.page_size, max(LEAST, min(MOST, int(asked[1]))))

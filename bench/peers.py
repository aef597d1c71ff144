"""A process of its own, of the foreign clients' interpreter: what they take for the same rows.

Told on stdout, as JSON. The tap is given the token, and a catalogue with the columns of our
query; what it prints is kept in memory.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from io import StringIO, TextIOBase
from time import perf_counter, process_time
from typing import Any

from local import redirect

STREAMS = ("ServiceAppointment", "AssignedResource", "ServiceResource")
LONG_AGO = "2020-01-01T00:00:00Z"

Told = dict[str, float | str]


def main() -> None:
    way, url, token, soql = sys.argv[1:]
    told = WAYS[way](url, token, soql)
    sys.stdout.write(json.dumps(told))


def simple(url: str, token: str, soql: str) -> Told:
    """simple-salesforce: the rows fetched, and nothing done with them."""
    from simple_salesforce import Salesforce  # type: ignore[import-not-found, unused-ignore]

    sf = Salesforce(session_id=token, instance_url=url, session=redirect.Session(url))
    return timed(
        lambda: sf.query_all(soql, include_deleted=True)["records"],
        lambda records: [each["Id"] for each in records],
    )


def tap(url: str, token: str, soql: str) -> Told:
    """tap-salesforce: a first sync of the stream, with its schema and its messages."""
    columns = {each.strip() for each in re.split(r"SELECT|,|FROM", soql)[1:-1]}
    sync, printed = ready(url, token, STREAMS[:1], columns, {})
    with redirect_stdout(printed):
        return timed(sync, lambda _: [each["Id"] for each in printed.records()])


def discover(url: str, token: str, _soql: str) -> Told:
    """tap-salesforce: what it calls for once, before it can do anything."""
    ready(url, token, STREAMS, {"Id"}, {})
    return {}


def idle(url: str, token: str, _soql: str) -> Told:
    """tap-salesforce: a sync of three streams after everything in them has been read."""
    seen = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    state = {"bookmarks": {each: {"SystemModstamp": seen} for each in STREAMS}}
    sync, printed = ready(url, token, STREAMS, {"Id"}, state)
    with redirect_stdout(printed):
        sync()
    if printed.records():
        raise ValueError(printed.lines)
    return {}


WAYS: dict[str, Callable[[str, str, str], Told]] = {
    "simple-salesforce": simple,
    "tap-salesforce": tap,
    "discover": discover,
    "idle": idle,
}


def timed[Rows](work: Callable[[], Rows], ids: Callable[[Rows], list[str]]) -> Told:
    """Microseconds a row, and which rows there were."""
    wall, cpu = perf_counter(), process_time()
    rows = work()
    cpu, wall = process_time() - cpu, perf_counter() - wall
    found = sorted(ids(rows))
    return {
        "cpu": cpu / len(found) * 1e6,
        "wall": wall / len(found) * 1e6,
        "ids": sha256(" ".join(found).encode()).hexdigest(),
    }


class Printed(TextIOBase):
    """In place of stdout."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        return len(text)

    def records(self) -> list[dict[str, Any]]:
        messages = [json.loads(line) for line in self.lines]
        return [each["record"] for each in messages if each["type"] == "RECORD"]


def ready(
    url: str, token: str, streams: Iterable[str], columns: set[str], state: dict[str, Any]
) -> tuple[Callable[[], None], Printed]:
    """A sync to be run, and where it will print."""
    import tap_salesforce  # type: ignore[import-not-found, unused-ignore]

    sf = tap_salesforce.Salesforce(default_start_date=LONG_AGO, api_type="REST")
    sf.access_token, sf.instance_url = token, url
    with redirect_stdout(StringIO()) as catalogue:
        tap_salesforce.do_discover(sf)
    found = json.loads(catalogue.getvalue())["streams"]
    chosen = [selected(each, columns) for each in found if each["stream"] in streams]
    return partial(tap_salesforce.do_sync, sf, {"streams": chosen}, state), Printed()


def selected(stream: dict[str, Any], columns: set[str]) -> dict[str, Any]:
    for each in stream["metadata"]:
        if each["breadcrumb"]:
            each["metadata"]["selected"] = each["breadcrumb"][1] in columns
        else:
            each["metadata"] |= {
                "selected": True,
                "replication-method": "INCREMENTAL",
                "replication-key": "SystemModstamp",
            }
    return stream


if __name__ == "__main__":
    main()

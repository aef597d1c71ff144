"""A process of its own: scheduled doors and the polls that follow, as Lambda would run them.

Asked on stdin and told on stdout, a line of JSON each.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from time import perf_counter, process_time
from typing import Any

from bench.deliveries import CONNECTION, Context

Told = dict[str, Any]

TELL = sys.stdout
PRINTED = sys.stdout = StringIO()  # what the doors log; before anything of ours is imported
HOUR = timedelta(hours=1)


class Running(Context):
    def get_remaining_time_in_millis(self) -> int:
        return 240_000


def main() -> None:
    import poll_salesforce  # type: ignore[import-not-found, unused-ignore]
    import reconcile  # type: ignore[import-not-found, unused-ignore]
    import start_polls  # type: ignore[import-not-found, unused-ignore]

    asked_for: dict[str, Callable[..., Told]] = {
        "connect": connect,
        "crowd": crowd,
        "age": age,
        "start": lambda time: timed(start_polls.lambda_handler, {"time": time}),
        "reconcile": lambda time: timed(reconcile.lambda_handler, {"time": time}),
        "poll": lambda full: timed(poll_salesforce.lambda_handler, queued(full=full)),
    }
    for line in sys.stdin:
        asked = json.loads(line)
        told = asked_for[asked.pop("what")](**asked)
        TELL.write(json.dumps(told) + "\n")
        TELL.flush()


def connect(url: str, token: str) -> Told:
    """One connection to the org, as the console would leave it."""
    from fieldlink.records import Access, Connection, Listed, Tokens
    from fieldlink.wiring import now, services

    tokens = Tokens(access_token=token, refresh_token="").model_dump_json()
    sealed = services().vault.seal(tokens, connection=CONNECTION)
    services().state.write_all(
        [
            Listed(connection=CONNECTION),
            Connection(
                connection=CONNECTION,
                state="connected",
                name="Bench",
                hypertrack_account="account",
                hypertrack_secret="",
                login_url=url,
                authorise="client",
            ),
            Access(connection=CONNECTION, tokens=sealed, instance_url=url, renewed_at=now()),
        ]
    )
    return {}


def crowd(count: int) -> Told:
    """So many connections in all, as far as the schedule sees them."""
    from fieldlink.records import Connection, Listed
    from fieldlink.wiring import services

    one = services().state.read(Connection, CONNECTION)
    if one is None:
        raise LookupError(CONNECTION)
    names = [f"{CONNECTION}-{number}" for number in range(1, count)]
    services().state.write_all(Listed(connection=each) for each in names)
    services().state.write_all(one.model_copy(update={"connection": each}) for each in names)
    return {}


def age() -> Told:
    """As if the gate had been noted an hour ago: its clock is this machine's."""
    from fieldlink.records import Gate
    from fieldlink.wiring import services

    gate = services().state.read(Gate, CONNECTION)
    if gate is None:
        raise LookupError(CONNECTION)
    services().state.write(gate.model_copy(update={"seen_at": datetime.now(UTC) - HOUR}))
    return {}


def queued(*, full: bool) -> Told:
    """A poll's message as Lambda's mapping hands it on."""
    body = json.dumps({"connection": CONNECTION, "full": full})
    return {"Records": [{"messageId": "message", "body": body}]}


def timed(handler: Callable[[Told, Context], Any], event: Told) -> Told:
    """Seconds of CPU and on the clock, and bytes that were logged."""
    PRINTED.seek(0)
    PRINTED.truncate()
    wall, cpu = perf_counter(), process_time()
    handler(event, Running())
    cpu, wall = process_time() - cpu, perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "logged": len(PRINTED.getvalue().encode())}


if __name__ == "__main__":
    main()

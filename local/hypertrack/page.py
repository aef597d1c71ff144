"""The simulator as a person sees it, at `/`."""

import json
from typing import Any

from flask import render_template

from local.hypertrack.devices import status_of
from local.hypertrack.events import Delivery
from local.hypertrack.world import World

RECENT = 50


def show(world: World) -> str:
    """Everything that can be seen, escaped, newest deliveries first."""
    with world.lock:
        return render_template(
            "page.html",
            accounts=list(world.accounts.values()),
            deliveries=[_line(each.body) | {"it": each} for each in _recent(world)],
            status_of=status_of,
        )


def _recent(world: World) -> list[Delivery]:
    return world.webhooks.deliveries[-RECENT:][::-1]


def _line(body: bytes) -> dict[str, Any]:
    try:
        events = json.loads(body)
        kinds = [f"{e['type']} {e['data'].get('value', '')}".strip() for e in events]
    except (ValueError, TypeError, KeyError, AttributeError):
        return {"events": "not a list of events"}
    return {"events": ", ".join(kinds)}

"""Deliveries that are almost as they should be: one member is something else."""

import json
from copy import deepcopy
from random import Random
from typing import Any

type Place = tuple[Any, Any]  # a list or an object, and where in it

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    10**30,
    10**4_299,  # the most that Python writes
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "\x00",
    "half \ud83d of one",
    "Grüße 🚲",
    "x" * 5_000,
    '"' * 130_000,
    "TEST_DEVICE_ID",
    "location",
    "geofence",
    "geotag",
    "order",
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-03-04T12:00:00.5",
    [],
    {},
    [[]],
    [{}],
    [13.4, 52.5],
    {"type": "Point", "coordinates": [None, "52", 1e400]},
)


def mutated(text: bytes, seed: int) -> bytes | None:
    """Another text after this one; None if this one is no JSON, or too deep to go on with."""
    random = Random(seed)  # noqa: S311 (no secret)
    try:
        told = [json.loads(text)]
        for _ in range(random.randint(1, 3)):
            where, at = random.choice(places(told))
            act = random.choice([_replace, _replace, _wrap, _rename])
            act(where, at, random)
        return json.dumps(told[0]).encode()
    except (ValueError, RecursionError):
        return None


def places(told: Any) -> list[Place]:
    """Everything that can be replaced."""
    found: list[Place] = []
    left = [told]
    while left and len(found) < 1_000:
        where = left.pop()
        named = where.items() if isinstance(where, dict) else enumerate(where)
        for at, value in list(named):
            found.append((where, at))
            if isinstance(value, dict | list):
                left.append(value)
    return found


def _replace(where: Any, at: Any, random: Random) -> None:
    where[at] = deepcopy(random.choice(ODD))


def _wrap(where: Any, at: Any, random: Random) -> None:
    for _ in range(random.choice([1, 1, 2, 150, 1_000])):
        where[at] = [where[at]]


def _rename(where: Any, at: Any, random: Random) -> None:
    if isinstance(where, dict):
        where[random.choice(["value", "type", "device_id", "order_handle", "é"])] = where.pop(
            at
        )
    else:
        where.append(deepcopy(where[at]))

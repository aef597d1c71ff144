"""Whether all ways do the same with a delivery. As a process: with those that are measured."""

import sys
from typing import Any, get_args

from bench.deliveries import SIZES, Json, delivery_of
from bench.pretended import PretendedAws, meaning
from bench.ways import WAYS, Depth


def outcome(way: str, depth: Depth, event: Json) -> tuple[int, list[Any]]:
    """The status that is answered, and what is queued."""
    aws = PretendedAws()
    with WAYS[way](depth, aws) as deliver:
        status = int(deliver(event)["statusCode"])
    return status, meaning(aws.sent)


def main() -> None:
    for depth in get_args(Depth):
        for size in SIZES:
            done = [outcome(way, depth, delivery_of(size)) for way in WAYS]
            if any(each != done[0] for each in done) or len(done[0][1]) != size:
                sys.exit(f"not the same with {size} events: {done}")
    sys.stderr.write("{}")


if __name__ == "__main__":
    main()

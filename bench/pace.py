"""A process of its own: the CPU that one way takes for a delivery. Told on stderr, as JSON."""

import json
import sys
from statistics import median, quantiles
from time import process_time_ns
from typing import get_args

from awslambdaric import bootstrap  # type: ignore[import-not-found, unused-ignore]

from bench.deliveries import SIZES, Json, delivery_of
from bench.pretended import PretendedAws
from bench.ways import WAYS, Deliver, Depth

DELIVERIES = dict(zip(SIZES, (400, 200, 40), strict=True))  # how many of each size


def main() -> None:
    way, share = sys.argv[1], float(sys.argv[2])
    log_as_lambda_does()
    told = {}
    for depth in get_args(Depth):
        for size, number in DELIVERIES.items():
            aws = PretendedAws()
            with WAYS[way](depth, aws) as deliver:
                times = timed(deliver, delivery_of(size), max(10, int(number * share)), aws)
            told[f"{depth} {size} median"] = median(times)
            told[f"{depth} {size} p99"] = quantiles(times, n=100, method="inclusive")[98]
    sys.stderr.write(json.dumps(told))


def log_as_lambda_does() -> None:
    """What is logged costs both of them, too. Where it goes is up to the one who started us."""
    sys.stdout = bootstrap.Unbuffered(sys.stdout)
    form = bootstrap.LogFormat.JSON
    bootstrap._setup_logging(form, "INFO", bootstrap.StandardLogSink())


def timed(deliver: Deliver, event: Json, number: int, aws: PretendedAws) -> list[float]:
    """Microseconds for each delivery, after a few that do not count."""
    times = []
    for _ in range(number + number // 5):
        before = process_time_ns()
        answer = deliver(event)
        times.append((process_time_ns() - before) / 1000)
        if answer["statusCode"] != 200 or not aws.sent:
            raise ValueError(answer)
        aws.sent.clear()
    return times[number // 5 :]


if __name__ == "__main__":
    main()

"""Posts deliveries as HyperTrack does: until they are taken, and no more than so many times."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from time import perf_counter
from typing import NamedTuple

import requests

from bench.storm.fleet import Delivery
from local.http import session

AT_ONCE = 4  # posts
TRIES = 4  # as HyperTrack: once, and three times more
TIMEOUT = 30


class Posted(NamedTuple):
    """How the deliveries went."""

    events: int  # of those that were taken
    deliveries: int
    refused: int  # deliveries that were not taken at all
    seconds: float
    times: list[float]  # milliseconds until the answer, of every try

    @property
    def repeated(self) -> int:
        """Posts that were answered 5xx."""
        return len(self.times) - self.deliveries

    @property
    def median(self) -> float:
        return self._cuts()[49]

    @property
    def p99(self) -> float:
        return self._cuts()[98]

    def _cuts(self) -> list[float]:
        return quantiles(self.times, n=100, method="inclusive")


def post_all(deliveries: Sequence[Delivery]) -> Posted:
    began = perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool, session() as http:
        answers = list(pool.map(lambda each: _post(http, each), deliveries))
    taken = [
        each for each, (status, _) in zip(deliveries, answers, strict=True) if status < 300
    ]
    return Posted(
        events=sum(each.events for each in taken),
        deliveries=len(deliveries),
        refused=len(deliveries) - len(taken),
        seconds=perf_counter() - began,
        times=[milliseconds for _, tries in answers for milliseconds in tries],
    )


def _post(http: requests.Session, each: Delivery) -> tuple[int, list[float]]:
    """The last status, and how long each try took."""
    times = []
    status = 0
    for _ in range(TRIES):
        began = perf_counter()
        answer = http.post(
            each.url,
            data=each.body,
            headers={
                "content-type": "application/json",
                "x-hypertrack-signature": each.signature,
            },
            timeout=TIMEOUT,
        )
        times.append((perf_counter() - began) * 1000)
        status = answer.status_code
        if status < 500:
            break
    return status, times

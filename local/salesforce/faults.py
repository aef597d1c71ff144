"""Faults as data: plain dicts in a list, matched in order and used up.

A fault fits a call, an item of a composite or, with an errorCode, a record of a collection or
a graph as a whole, whose method is GRAPH and whose path ends with its graphId.

{"match": {"method": "PATCH", "path": "sobjects/ServiceAppointment", "contains": "08p"},
          # or "methods": (...); all may be left out
 "times": 1,            # how often; None: for ever
 "every": 5,            # only each fifth call that matches
 "share": 0.2, "seed": 7,   # or by chance, the same for the same seed
 "status": 503, "body": "<html>busy</html>"}        # an answer of the edge
{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "..."}        # an answer of the API
{"error": "invalid_grant", "error_description": "..."}       # an answer of OAuth
{"after": True, ...}    # the work is done first
{"drop": True}          # the connection breaks instead of an answer
{"half": True}          # the answer breaks off in the middle
{"delay": 0.5}          # seconds; {"hold": threading.Event()} waits for the event instead
"""

import time
from random import Random
from threading import Lock
from typing import Any

from local.salesforce.rules import Rules

Fault = dict[str, Any]

ANSWERS = ("status", "body", "errorCode", "error", "drop")
LONGEST_HOLD = 30  # seconds


class Faults:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._lock = Lock()
        self._met: dict[int, int] = {}

    def take(self, method: str, path: str, content: str, *, refusals: bool = False) -> Fault:
        """The first fault that fits this call, or an empty one; of `refusals` only those that
        answer with an errorCode."""
        with self._lock:
            for fault in self._rules.faults:
                fits = _fits(fault.get("match", {}), method, path, content)
                if fits and (not refusals or "errorCode" in fault) and self._due(fault):
                    self._use(fault)
                    return fault
        return {}

    def _due(self, fault: Fault) -> bool:
        met = self._met[id(fault)] = self._met.get(id(fault), 0) + 1
        if "share" in fault:
            chance = Random(f"{fault.get('seed', 0)} {met}").random()  # noqa: S311, no secret
            return chance < float(fault["share"])
        return met % int(fault.get("every", 1)) == 0

    def _use(self, fault: Fault) -> None:
        times = fault.get("times", 1)
        if times is None:
            return
        if times > 1:
            fault["times"] = times - 1
            return
        self._rules.faults[:] = [each for each in self._rules.faults if each is not fault]
        self._met.pop(id(fault), None)


def pause(fault: Fault) -> None:
    if "hold" in fault:
        fault["hold"].wait(LONGEST_HOLD)
    if "delay" in fault:
        time.sleep(fault["delay"])


def answers(fault: Fault) -> bool:
    """Whether the fault gives an answer of its own, and not only slows one down."""
    return any(key in fault for key in ANSWERS)


def _fits(match: dict[str, Any], method: str, path: str, content: str) -> bool:
    return (
        match.get("method", method) == method
        and method in match.get("methods", (method,))
        and match.get("path", "") in path
        and match.get("contains", "") in path + content
    )

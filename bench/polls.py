"""Looks for changes beside tap-salesforce and simple-salesforce, all at the same org."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.measure import Figures, Row, in_turn
from local.runtime import ROOT

FOREIGN = ROOT / ".venv-clients" / "bin" / "python"  # `make` makes it
TAP, SIMPLE = "tap-salesforce", "simple-salesforce"
LOOKS = {"known": "none changed", "new": "all new"}
GOALS = {TAP: 1 / 30, SIMPLE: 1.0}  # of the CPU, when nothing has changed

Told = dict[str, Any]
Ways = dict[str, Callable[[str], Told]]  # each is told what to do


class Org:
    """The simulated org in a process of its own, so that its CPU is nobody's."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        told = self._line()
        self.url, self.token = str(told["url"]), str(told["token"])

    def calls(self) -> int:
        return int(self._asked("calls"))

    def soql(self) -> str:
        return str(self._asked("soql"))

    def _asked(self, what: str) -> Any:
        if self._process.stdin:
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
        return self._line()

    def _line(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            sys.exit("the org of the bench has ended")
        return json.loads(line)


@contextmanager
def org_of(rows: int) -> Iterator[Org]:
    command = [sys.executable, "-m", "bench.org", str(rows)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Org(process)
        finally:
            process.terminate()


def polls(interpreter: tuple[str, ...], path: list[Path], rounds: int, rows: int) -> list[Row]:
    """P8 and P10. Our packages are found by `interpreter` in `path`."""
    with org_of(rows) as org:
        ours = partial(look, (*interpreter, "-m", "bench.looks"), path, org)
        ids = ours("everything")["ids"]  # from now on the org knows how we ask
        theirs = partial(visit, org, org.soql())
        ways: Ways = {"ours": lambda _: ours("everything"), TAP: theirs, SIMPLE: theirs}
        found = in_turn(list(ways), rounds, lambda way: same(ids, ways[way](way)))
        idle = calls(org, partial(ours, "idle"))
        tap = calls(org, partial(theirs, "idle")) - calls(org, partial(theirs, "discover"))
    row = Row("P10", "calls, none changed", "", [idle] * 2, TAP, [tap] * 2, 1 / 3)
    return [*paces(found, rows), row]


def paces(found: dict[str, list[Figures]], rows: int) -> list[Row]:
    return [
        Row(
            "P8",
            f"one of {rows} rows, {LOOKS[kind]}{', wall' if figure == 'wall' else ''}",
            "us",
            [each[f"{kind} {figure}"] for each in found["ours"]],
            peer,
            [each[figure] for each in found[peer]],
            GOALS[peer] if (kind, figure) == ("known", "cpu") else None,
        )
        for figure in ("cpu", "wall")
        for kind in LOOKS
        for peer in (TAP, SIMPLE)
    ]


def look(command: tuple[str, ...], path: list[Path], org: Org, what: str) -> Told:
    """Our own looks, in a process."""
    return told((*command, what, org.url, org.token), path)


def visit(org: Org, soql: str, way: str) -> Told:
    """What a foreign client does, in a process of its interpreter."""
    command = (str(FOREIGN), "-P", "-B", "-m", "bench.peers")
    return told((*command, way, org.url, org.token, soql), [ROOT])


def told(command: tuple[str, ...], path: list[Path]) -> Told:
    environment = {"PYTHONPATH": ":".join(map(str, path))}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(ended.stderr)
    found: Told = json.loads(ended.stdout)
    return found


def calls(org: Org, work: Callable[[], Told]) -> int:
    """How many calls of the org's API it takes, as the org counts them."""
    before = org.calls()
    work()
    return org.calls() - before


def same(ids: str, found: Told) -> Figures:
    """The figures, if the same rows were seen."""
    if found["ids"] != ids:
        sys.exit("the clients have not seen the same rows")
    return {name: each for name, each in found.items() if name != "ids"}

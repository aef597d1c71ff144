"""The webhook door and the looks beside what others do: python -m bench [--quick]."""

import json
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import verifying
from bench.cost import cost
from bench.deliveries import SIZES, delivery_of
from bench.endtoend import endtoend
from bench.loopback import pretended_aws
from bench.loops import CASES
from bench.measure import Figures, Row, in_turn, table
from bench.polls import polls
from bench.pretended import ENVIRONMENT
from bench.verifying import LARGE, SMALL
from local.runtime import BUILT, OF_LAMBDA, PYTHON, ROOT

LAYER = BUILT / "Layer" / "python"
DOORS = BUILT / "PollSalesforce"  # and all others: each function's folder holds every door
# -S hides the environment's packages, -P this folder; -B leaves everything as it is.
COMMAND = (str(PYTHON), "-S", "-P", "-B")

ABOUT = """\
{rounds} rounds in turn, medians; the ratio is the median of each round's. The usual way:
Powertools' HTTP resolver, logger and metrics, pydantic, boto3; same deliveries, same checks.
P4   Wall, in fresh processes as Lambda starts them. "imported": the handler's module, which
     makes the clients (ours does so later; boto3: with a client of SQS). "and answered": with
     the first delivery, of 10 events in three calls, to a stand-in on loopback that speaks TLS.
P1   CPU of a delivery whose events are all queued, in warm processes. "no I/O": without the
     calls to AWS. "to the wire": these are made, signed and read as well, but not sent (what is
     replaced is urllib3's pool; botocore is answered by a listener to its before-send).
     Beside it also FastAPI and Mangum, around the very same models and checks.
P2   CPU to verify and decode a body of 10 KB, in warm processes. Beside: svix and json,
     standardwebhooks, and the floor: hmac and json, and nothing but them.
P3   The same of 1 MB, and of each event its type, its device and a text to pass on. Beside:
     json, orjson and pydantic, after the same check.
P13  The most memory that the processes of P4 had.
P6   What the gate against doubles takes for each event: CPU (AWS's answers are replaced) and
     writes, on top of storing the state.
P7   CPU of the worker's loop over ten messages with nothing to do for each; "silent": neither
     of us logs what became of them.
P11  A burst of webhooks on one emulator of AWS, a fifth of them told twice, in disorder, from
     the door to the last row in Salesforce; what stands in the two orgs is compared before
     this is printed. CPU "of all": doors, emulator and the simulated org.
P12  The same by the clock. Beside: FastAPI, pydantic, boto3, Powertools' idempotency and FIFO
     processor, one event after the other.
P8   CPU of a row of Salesforce's, from the request to what is to be done about it: fetched,
     parsed, compared with what is stored (in memory here), decided on. "none changed": a look
     at everything when all is known. Beside: tap-salesforce's first sync, and query_all of
     simple-salesforce, which only fetches; the same columns of the same rows. "wall": with
     the time that the simulated org takes to answer.
P10  Calls of Salesforce's API that a look takes when nothing has changed, and that the tap's
     next sync of three streams does, as the org counts them.
"""


def main() -> int:
    parser = ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds, for a first look")
    quick = parser.parse_args().quick
    rounds = 3 if quick else 15
    print(ABOUT.format(rounds=rounds))
    rows = starts(rounds) + paces(rounds, share=0.25 if quick else 1) + verifications(rounds)
    rows += polls(COMMAND, [LAYER, ROOT], rounds, rows=2_000 if quick else 20_000)
    rows += workers(rounds)
    rows += endtoend(
        COMMAND, [DOORS, LAYER, OF_LAMBDA, ROOT], rounds, appointments=150 if quick else 300
    )
    print(table(rows))
    print("", cost(COMMAND, [DOORS, LAYER, OF_LAMBDA, ROOT], 1 if quick else 4), sep="\n")
    return 0


def starts(rounds: int) -> list[Row]:
    """P4, and P13 in passing."""
    with TemporaryDirectory() as made, pretended_aws(Path(made)) as port:
        folder = Path(made)
        shutil.copy(ROOT / "bench" / "usual_way.py", folder)  # a function's folder
        trusted = folder / "authorities.pem"
        trusted.write_bytes(
            (LAYER / "certifi" / "cacert.pem").read_bytes()
            + (folder / "server.pem").read_bytes()
        )
        found = in_turn(
            ["ours", "boto3", "usual"], rounds, partial(start, port=port, folder=folder)
        )
    return [
        Row(
            row,
            what,
            unit,
            [each[figure] for each in found["ours"]],
            NAMES[peer],
            [each[figure] for each in found[peer]],
            goal,
        )
        for row, what, unit, figure, peer, goal in (
            ("P4", "imported", "ms", "imported", "boto3", 0.35),
            ("P4", "imported", "ms", "imported", "usual", 0.20),
            ("P4", "and answered", "ms", "answered", "boto3", 0.35),
            ("P4", "and answered", "ms", "answered", "usual", 0.20),
            ("P13", "memory", "MB", "peak", "usual", 0.5),
        )
    ]


NAMES = {
    "boto3": "boto3",
    "usual": "the usual way",
    "fastapi": "FastAPI, Mangum",
    "svix": "svix, json",
    "floor": "hmac, json",
    "powertools": "Powertools",
    "bare": "Powertools, bare",
    "telling": "Powertools, logging",
}


def start(way: str, *, port: int, folder: Path) -> Figures:
    """One process from nothing to its first answer."""
    function = folder if way == "usual" else BUILT / "ReceiveWebhook"
    trusted = str(folder / "authorities.pem")
    told = run(
        [str(ROOT / "bench" / "start.py"), way, str(port), json.dumps(delivery_of(10))],
        path=[function, LAYER, OF_LAMBDA],
        SSL_CERT_FILE=trusted,
        AWS_CA_BUNDLE=trusted,
    )
    return {
        "imported": told["imported"] * 1000,
        "answered": told["answered"] * 1000,
        "peak": told["peak"],
    }


def paces(rounds: int, *, share: float) -> list[Row]:
    """P1, after a look that all do the same."""
    run(["-m", "bench.same"], path=[LAYER, OF_LAMBDA, ROOT])
    found = in_turn(["ours", "usual", "fastapi"], rounds, partial(pace, share=share))
    depths = {"decision": "no I/O", "calls": "to the wire"}
    goals = {"usual": 0.35, "fastapi": 0.20}
    return [
        Row(
            "P1",
            f"{size} events, {named}{', p99' if figure == 'p99' else ''}",
            "us",
            [each[f"{depth} {size} {figure}"] for each in found["ours"]],
            NAMES[peer],
            [each[f"{depth} {size} {figure}"] for each in found[peer]],
            goals[peer] if (depth, size, figure) == ("decision", 10, "median") else None,
        )
        for peer in goals
        for depth, named in depths.items()
        for size in SIZES
        for figure in ("median", "p99")
    ]


def pace(way: str, *, share: float) -> Figures:
    """One process that takes many deliveries."""
    return run(["-m", "bench.pace", way, str(share)], path=[LAYER, OF_LAMBDA, ROOT])


def verifications(rounds: int) -> list[Row]:
    """P2 and P3; each process looks itself whether it has read what there was."""
    goals = {"svix": 0.8, "standardwebhooks": 0.25, "floor": 1.25, "orjson": 0.40}
    rows = []
    for row, size, what in (("P2", SMALL, "10 KB"), ("P3", LARGE, "1 MB")):
        found = in_turn(list(verifying.WAYS[size]), rounds, partial(verification, size=size))
        rows += [
            Row(
                row,
                f"{what}, verified and decoded",
                "us",
                [each["cpu"] for each in found["ours"]],
                NAMES.get(peer, peer),
                [each["cpu"] for each in found[peer]],
                goals.get(peer),
            )
            for peer in found
            if peer != "ours"
        ]
    return rows


def verification(way: str, *, size: int) -> Figures:
    """One process that verifies and decodes many times."""
    return run(["-m", "bench.verifying", way, str(size)], path=[LAYER, OF_LAMBDA, ROOT])


def workers(rounds: int) -> list[Row]:
    """P6 and P7."""
    path = [LAYER, OF_LAMBDA, ROOT]

    def gate(way: str) -> Figures:
        return run(["-m", "bench.gates", way], path=path)

    def loop(way: str) -> Figures:
        return run(["-m", "bench.loops", way], path=path)

    gates = in_turn(["ours", "powertools"], rounds, gate)
    loops = in_turn(["ours", "telling", "silent", "bare"], rounds, loop)
    silent = {"ours": loops["silent"], "bare": loops["bare"]}
    return [
        *(_row("P6", what, unit, key, "powertools", gates, 0.5) for what, unit, key in GATES),
        *(
            _row("P7", f"ten messages, {case}{more}", "us", case, peer, found, 0.35)
            for peer, more, found in (("telling", "", loops), ("bare", ", silent", silent))
            for case in CASES
        ),
    ]


GATES = (("an event let through once, CPU", "us", "cpu"), ("writes for that", "", "writes"))


def _row(
    row: str,
    what: str,
    unit: str,
    key: str,
    peer: str,
    found: dict[str, list[Figures]],
    goal: float,
) -> Row:
    ours, theirs = ([each[key] for each in found[way]] for way in ("ours", peer))
    return Row(row, what, unit, ours, NAMES[peer], theirs, goal)


def run(arguments: list[str], *, path: list[Path], **environment: str) -> Figures:
    """What a process of a bare interpreter told us."""
    environment |= ENVIRONMENT | {"PYTHONPATH": ":".join(map(str, path))}
    ended = subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if ended.returncode:
        sys.exit(ended.stderr)
    told: dict[str, float] = json.loads(ended.stderr)
    return told


if __name__ == "__main__":
    sys.exit(main())

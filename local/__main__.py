"""`python -m local`: the bundle on this machine, and a working day with it.

With --once it ends by itself, with exit code 0 only if the day gave what it should have.
People are tracked by geofences; with --orders by orders, with --mixed some so and some so.
`python -m local doctor` has the doctor look at it instead: exit code 0 only if all is well.
"""

import signal
import sys
import time
from datetime import UTC, datetime

from local import checkup, result
from local.day import WAYS, WorkingDay, expected
from local.town import Town

BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def main(way: str, once: bool) -> int:
    # The night before, so that the whole day lies ahead of the simulated clock.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with Town(midnight, say=say, followed=True) as town:
        day = WorkingDay(town, say, WAYS[way])
        day.plan()
        day.connect(town.operator())
        say(f"connected; {len(town.stack.mails())} invitations are sent")
        day.live()
        rows = result.found(town.salesforce)
        print(f"\nWhat Salesforce holds (times in UTC):\n\n{result.table(rows)}\n")
        wrong = result.differences(rows, expected(WAYS[way]))
        print(
            "\n".join(["Not what the day should have given:", *wrong])
            if wrong
            else "As it should be."
        )
        if not once:
            stay(town)
    return 1 if wrong else 0


def examine() -> int:
    """Exit code 0 only if the doctor calls the bundle healthy."""
    found = checkup.examined(say)
    print(f"\n{checkup.table(found)}", flush=True)
    return 0 if found["healthy"] else 1


def stay(town: Town) -> None:
    """Until somebody stops it."""
    print(
        f"""
The console, with a link that is good for 15 minutes and once:
  {town.setup_link()}
Salesforce:  {town.salesforce.url}
HyperTrack:  {town.hypertrack.url}
Stop with ctrl-C; nothing is left behind.""",
        flush=True,
    )
    signal.pause()


def stop(number: int, _frame: object) -> None:
    """Leave through everything that was entered, so that it is all taken down."""
    sys.exit(0 if number == signal.SIGINT else 128 + number)


if __name__ == "__main__":
    # Set even where a shell had them ignored, as it does for what it puts into the background.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    chosen = next((each for each in WAYS if f"--{each}" in sys.argv[1:]), "geofences")
    once = "--once" in sys.argv[1:]
    sys.exit(examine() if "doctor" in sys.argv[1:] else main(chosen, once))

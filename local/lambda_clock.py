"""Runs a handler as Lambda does, but by a clock that is moved: argv is clock, module, handler.

A day on this machine takes seconds, and what is due at nine must be due once it is nine there.
The clock is a file with the seconds by which it is ahead; the module's `now` is what reads it.
Nothing else of the process is moved: signatures and time-outs go by the real time.
"""

import runpy
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path


def main() -> None:
    clock, module = Path(sys.argv.pop(1)), import_module(sys.argv.pop(1))

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(clock.read_text()))

    vars(module)["now"] = now
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

"""Runs a program until the parent is gone, however it went, then removes the program's folder.

The parent holds the other end of stdin: the end of file says that it has ended.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def main(folder: str, command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_parent, args=(child.pid,), daemon=True).start()
    code = child.wait()
    _end(child.pid)  # the programs it started, if it went first
    shutil.rmtree(folder, ignore_errors=True)
    return code


def _end_with_parent(group: int) -> None:
    sys.stdin.buffer.read()
    _end(group)


def _end(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)  # nothing in there is worth saving


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

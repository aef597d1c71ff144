"""Nothing that is started here outlives the one who started it."""

import os
import subprocess
import sys
from pathlib import Path

from local.ministack import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
SLEEPER = (
    "import os, pathlib, time; pathlib.Path('{}').write_text(str(os.getpid())); time.sleep(60)"
)


def started(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The leash, and the process id of the program at its end."""
    note = folder / "pid"
    leash = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "local.leash",
            folder,
            sys.executable,
            "-c",
            SLEEPER.format(note),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
    )
    wait_until(lambda: note.exists() and note.read_text() != "", timeout=20, what="the program")
    return leash, int(note.read_text())


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_program_and_its_folder_go_when_the_parent_lets_go(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    leash, program = started(folder)

    assert leash.stdin
    leash.stdin.close()
    leash.wait(timeout=20)

    assert not runs(program)
    assert not folder.exists()

"""python -m fuzz [options of libFuzzer]: the webhook door, from HyperTrack's own examples."""

import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

from fuzz.mutating import mutated

with atheris.instrument_imports(include=["fieldlink", "functions", "json"]):
    from fuzz.door import EXAMPLES, check

OPTIONS = (
    # MiB: what the door may take at most, and as much for the fuzzer's counters and corpus
    f"-rss_limit_mb={256 + 256}",
    "-timeout=10",  # seconds; the door itself has 8
    "-max_len=300000",  # bytes; more than a message holds
    "-artifact_prefix=.venv-fuzz/",  # where what did harm is put
    "-print_final_stats=1",
)


def main() -> None:
    logging.disable()
    with TemporaryDirectory() as corpus:
        for each in EXAMPLES:
            (Path(corpus) / each.name).write_bytes(each.read_bytes())
        arguments = [sys.argv[0], *OPTIONS, *sys.argv[1:], corpus]
        atheris.Setup(arguments, check, custom_mutator=another)
        atheris.Fuzz()


def another(data: bytes, most: int, seed: int) -> bytes:
    """Half of them still JSON, so that the fuzzer gets behind the first bracket."""
    found = mutated(data, seed) if seed % 2 else None
    return bytes(atheris.Mutate(data, most)) if found is None else found[:most]


if __name__ == "__main__":
    main()

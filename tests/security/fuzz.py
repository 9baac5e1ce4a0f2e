"""Guided fuzzing of every reader of what others write: ``python -m tests.security.fuzz [READER]``.

Owns the targets: one a reader, each in a process of its own, which keeps what it found new in
a corpus and writes an input that breaks the reader beside it. What counts as broken is what
``test_errors_in_words`` asks of a reader: another error than ours, a long wait, much memory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

CORPUS = Path(".fuzz")
LONGEST_S = 10
"""Seconds that one input may take."""
MOST_MB = 1_500
"""Memory that the whole process may take."""


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["airunner"]):
        from tests.security.readers import READERS
        from tests.security.test_errors_in_words import EXTREMES, check_words
    folder = CORPUS / name.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate((READERS[name].sound, *EXTREMES)):
        (folder / f"given-{number}").write_bytes(data)
    limits = (f"-max_total_time={seconds}", f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MB}")
    flags = (*limits, "-max_len=4096", f"-artifact_prefix={folder}-", "-print_final_stats=1")

    def check(data: bytes) -> None:
        check_words(lambda: READERS[name].read(data))

    atheris.Setup([sys.argv[0], *flags, str(folder)], check)
    atheris.Fuzz()


def main() -> int:
    """Fuzz the readers that are named, or all; how many broke."""
    from tests.security.readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", help=f"of {', '.join(READERS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        fuzz(asked.readers[0], asked.seconds)
    broken = []
    for name in asked.readers or READERS:
        line = [sys.executable, "-m", "tests.security.fuzz", name, "--here"]
        done = subprocess.run(
            [*line, "--seconds", str(asked.seconds)], capture_output=True, text=True
        )
        runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{name}: {runs[-1].split()[-1] if runs else '?'} inputs", end="")
        print(f", broken: {done.stderr[-1500:]}" if done.returncode else "", flush=True)
        broken += [name] if done.returncode else []
    return len(broken)


if __name__ == "__main__":
    sys.exit(main())

"""What the worst known input up to its size limit costs each reader: processor time and memory.

Each input is read in a fresh process. Its time is that of all processes that the reading
takes; its memory is the most that one of them held. What a reader refuses counts as well.

Run: ``python -m benchmarks.worst_inputs [--only READER]``
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from airunner.config.byte_size import format_bytes
from benchmarks.hostile_inputs import READERS, Reader
from benchmarks.machine import describe_machine
from benchmarks.results_file import write_results

LONGEST_S = 700
MOST_S, MOST_BYTES = 10.0, 500_000_000
"""What one reading may cost without a reason, in seconds and bytes."""


def command(do: str, reader: str, *words: str) -> list[str]:
    """This program, to do one thing in a process of its own.

    The kernel counts the memory of the process that starts another as the other's, so this one
    has to stay small: it makes no input either.
    """
    return [sys.executable, "-m", "benchmarks.worst_inputs", do, reader, *words]


def cost(reader: str, file: Path) -> dict[str, Any]:
    """Read ``file`` in a process of its own."""
    line = command("--read", reader, str(file))
    process = subprocess.Popen(line, stdout=subprocess.PIPE, process_group=0)
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.alarm(LONGEST_S)
    assert process.stdout is not None
    outcome = process.stdout.read().decode().strip().replace(f"{file.parent}{os.sep}", "")
    _, status, used = os.wait4(process.pid, 0)
    signal.alarm(0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "outcome": outcome or f"ended with {process.returncode}",
    }


def worst(name: str, reader: Reader) -> dict[str, Any]:
    """The costliest in time and the costliest in memory of its inputs."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for words in reader.inputs:
            file = Path(folder, reader.file_name)
            subprocess.run(command("--make", name, str(file), words), check=True)
            spent = {"input": words, "input_bytes": file.stat().st_size, **cost(name, file)}
            found.append(spent)
            size = format_bytes(spent["peak_bytes"])
            print(f"{name:22} {words:34} {spent['cpu_s']:8.2f} s {size:>10}  {spent['outcome']}")
            file.unlink()
    slowest, largest = (max(found, key=lambda each: each[k]) for k in ("cpu_s", "peak_bytes"))
    return {"reader": name, "limit": reader.limit, "slowest": slowest, "largest": largest}


def read(name: str, file: Path) -> None:
    """Read ``file``; say what came of it."""
    from airunner.errors import AiRunnerError

    try:
        READERS[name].read(file)
    except AiRunnerError as error:
        print("refused:", str(error)[-90:].replace("\n", " "))
    else:
        print("read")


def main() -> int:
    """Measure, print and store; 1 if a reading costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one reader; nothing is stored")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        name, file, words = asked.make
        READERS[name].inputs[words](Path(file))
        return 0
    if asked.read:
        read(asked.read[0], Path(asked.read[1]))
        return 0
    machine = describe_machine()
    rows = [worst(n, each) for n, each in READERS.items() if asked.only in (None, n)]
    if asked.only is None:
        write_results("worst_inputs", {"machine": machine, "rows": rows})
    over = [
        row["reader"]
        for row in rows
        if not READERS[row["reader"]].reason
        and (row["slowest"]["cpu_s"] > MOST_S or row["largest"]["peak_bytes"] > MOST_BYTES)
    ]
    print(f"over {MOST_S:g} s or {format_bytes(MOST_BYTES)}: {', '.join(over) or 'none'}")
    return bool(over)


if __name__ == "__main__":
    sys.exit(main())

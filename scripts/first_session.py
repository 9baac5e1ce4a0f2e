"""Records the first ten minutes with AI Runner: real commands on a terminal, as plain text.

Owns what is typed, and the page of the manual that shows what is seen. The weights have to be
on this machine; nothing is fetched.

Run: ``python -m scripts.first_session [--models FOLDER]``
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import platformdirs

from scripts.seen_terminal import SeenTerminal, seen_terminal

PAGE = Path(__file__).parents[1] / "docs/first-session.md"
WIDTHS = (80, 60)
SHOWN_HOME = "/home/ada"

COMMANDS = (
    "airunner version",
    "airunner plan",
    "airunner list",
    "airunner chat --max-tokens 96",
    "airunner conversations list",
    'airunner image "a red circle on a blue background"',
    "airunner show smolm2",
    "airunner ps",
)
"""What is typed into the shell, in this order."""

TALK = (
    "What is 17 % of 2340?",
    "In one sentence: what is a lighthouse?",
    "/retry",
    "/undo",
    "/modle",
    "/model",
    "/title The first talk",
    '"""\rOne line,\rand another."""',
    "/quit",
)
"""What is typed into the chat."""

_HEAD = """\
# The first ten minutes

A recorded session, on a terminal of {widths} columns: a fresh home folder and the
embedded models, on a machine without a GPU. `python -m scripts.first_session` records it
anew. Models answer otherwise each time, and so small a one often wrongly; what it
calculated is quoted, because it may not repeat it rightly.
"""


def main() -> None:
    """Record the session at each width and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    cached = platformdirs.user_cache_path("airunner-tests") / "models"
    options.add_argument("--models", type=Path, default=cached, help="where the weights lie")
    models = options.parse_args().models
    sections = [_HEAD.format(widths=" and of ".join(map(str, WIDTHS)))]
    for width in WIDTHS:
        seen = re.sub(r"[ \t]+$", "", recorded(models, width), flags=re.MULTILINE)
        sections.append(f"## {width} columns\n\n```text\n{seen}\n```\n")
    PAGE.write_text("\n".join(sections), encoding="utf-8")


def recorded(models: Path, columns: int) -> str:
    """Everything that is seen during the session."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        data = home / ".local/share/airunner"
        (data / "models").mkdir(parents=True)
        for model in models.iterdir():
            if model.is_dir() and not model.name.startswith("."):
                (data / "models" / model.name).symlink_to(model)
        source = str(Path(__file__).parents[1] / "src")
        environ = {
            "HOME": folder,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": source,
            "PS1": "$ ",
            "LANG": "C.UTF-8",
            "AIRUNNER_HOME": str(data),
            "AIRUNNER_OFFLINE": "1",
            "AIRUNNER_PICTURES": str(home / "Pictures"),
            "AIRUNNER_MAX_MEMORY": "8GB",
        }
        shell = [shutil.which("bash") or "sh", "--norc", "--noprofile"]
        with seen_terminal(shell, environ, columns) as terminal:
            terminal.wait_for_prompt("$")
            for command in COMMANDS:
                terminal.press(f"{command}\r")
                if " chat" in command:
                    _talk(terminal)
                terminal.wait_for_prompt("$")
            return terminal.text.rstrip("$\n ").replace(folder, SHOWN_HOME)


def _talk(terminal: SeenTerminal) -> None:
    terminal.wait_for_prompt()
    for line in TALK:
        if line == "/quit":
            terminal.press(f"{line}\r")
        else:
            terminal.enter(line)


if __name__ == "__main__":
    main()

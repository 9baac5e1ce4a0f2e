"""Makes `.venv` and installs the project there, exactly as pinned in `constraints/`.

    python scripts/install.py runtime | dev

Runs on a bare Python 3.11 or newer. `uv` does the work where there is one, else
`venv` and pip do. Both install every dependency but one by hash and then the
project itself, editable and without a build environment, because its build
backend is pinned along with the rest.

The one is torch, pinned by version only, because the build of it (for a CUDA, for
the CPU) is the user's choice. pip always fetches it, so that one configuration
decides: pip's own, or the index that AIRUNNER_TORCH_INDEX names. What its builds
need beyond the hashed packages (CUDA libraries) comes along with it.

pip's configuration (index, links, certificates) applies either way: what the
user told pip is passed on to uv, unless uv has been told something of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from configparser import ConfigParser, Error
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LEAST = (3, 11)

TORCH = ROOT / "constraints" / "torch.txt"
TORCH_INDEX = "AIRUNNER_TORCH_INDEX"

QUIET = "--quiet"
"""For both installers: what they do is hundreds of lines, what goes wrong they say all the same."""

PIP_OPTIONS = (QUIET, "--disable-pip-version-check", "--no-compile")
"""pip compiles on one core, which is a third of its time; ``compile_packages`` does on all."""

TELLS_EACH_S = 15.0
"""How long a step may be silent, in seconds."""

UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
"""pip's options that say where packages come from, and the variables by which uv is told."""


def pip_options(environ: Mapping[str, str]) -> dict[str, str]:
    """What the user told pip, by option name: files first, then the environment over them.

    The places are those that `pip config debug` lists.
    """
    home = Path.home()
    shared = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    files = [Path(folder) / "pip/pip.conf" for folder in reversed(shared.split(os.pathsep))]
    files += [
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    if sys.platform == "darwin":
        files.insert(0, Path("/Library/Application Support/pip/pip.conf"))
        files.append(home / "Library/Application Support/pip/pip.conf")
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        files = []
    elif named:
        files.append(Path(named))

    options: dict[str, str] = {}
    for file in files:
        parser = ConfigParser(interpolation=None)
        try:
            parser.read(file, encoding="utf-8")
        except (Error, UnicodeDecodeError) as problem:
            print(f"ignored {file}, which pip cannot read either: {problem}", file=sys.stderr)
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                options |= parser.items(section)
    for name in (*UV_NAMES, "no-index"):
        variable = "PIP_" + name.upper().replace("-", "_")
        if variable in environ:
            options[name] = environ[variable]
    return options


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for uv, so that it looks for packages where pip would."""
    told = pip_options(environ)
    # pip takes the best version of all indexes. Elsewhere that invites a stranger's package of
    # the same name; here every file has to match a pinned hash.
    result = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, variable in UV_NAMES.items():
        values = [value for value in told.get(name, "").split() if _usable(value)]
        if values:
            result[variable] = ("," if variable == "UV_FIND_LINKS" else " ").join(values)
    return {**result, **environ}


def _usable(value: str) -> bool:
    """pip only warns about a folder that is not there, but uv fails."""
    path = value.removeprefix("file://")
    return not path.startswith("/") or Path(path).exists()


def tell(line: str) -> None:
    """Say at once which step begins."""
    print(line, flush=True)


def run(
    command: list[str],
    environ: Mapping[str, str] | None = None,
    *,
    tells: Callable[[str], object] = tell,
    each_s: float = TELLS_EACH_S,
) -> None:
    """Run one step to its end, telling how far it is; stop with its exit code if it failed."""
    began_s = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, env=environ) as step:
        while True:
            try:
                code = step.wait(each_s)
                break
            except subprocess.TimeoutExpired:
                packages = sum(1 for _ in VENV.glob("lib/python*/site-packages/*.dist-info"))
                installed = f", {packages} packages installed" if packages else ""
                tells(f"  ... after {time.monotonic() - began_s:.0f} s{installed}")
    if code:
        sys.exit(code)


def has(python: Path, code: str) -> bool:
    """Whether `python` exists and runs `code` without an error."""
    return (
        python.exists()
        and subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    )


def make_venv(uv: str | None, python: Path) -> None:
    """Make `.venv`, or make it anew if it was moved here or is too old."""
    if has(python, f"import sys; sys.exit(sys.version_info < {LEAST})"):
        return
    tell("Making .venv ...")
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
    elif has(Path(sys.executable), "import ensurepip, venv"):
        run([sys.executable, "-m", "venv", str(VENV)])
    elif has(Path(sys.executable), "import pip, venv"):
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    else:
        sys.exit(
            "This Python cannot make virtual environments. Install its venv package "
            "(Debian and Ubuntu: apt install python3-venv) or uv, and try again."
        )


def install(group: str) -> None:
    """Install what `constraints/<group>.txt` pins, then torch, then the project."""
    uv = shutil.which("uv")
    python = VENV / "bin" / "python"
    make_venv(uv, python)
    if uv:
        command = [uv, "pip", "install", "--python", str(python), QUIET]
        if pip_options(os.environ).get("no-index", "").lower() in {"1", "yes", "on", "true"}:
            command.append("--no-index")
    elif has(python, "import pip"):
        command = [str(python), "-m", "pip", "install", *PIP_OPTIONS]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", *PIP_OPTIONS]
    environ = uv_environment(os.environ) if uv else None
    listed = (ROOT / f"constraints/{group}.txt").read_text(encoding="utf-8")
    count = sum("==" in line for line in listed.splitlines())
    tell(
        f"Installing {count} pinned packages into .venv with {'uv' if uv else 'pip'}; "
        "the first time this fetches some hundred megabytes and takes a minute or several ..."
    )
    # The file is complete but for torch, which some of it requires and would bring along unasked.
    pinned = ["--no-deps", "--require-hashes", "-r", f"constraints/{group}.txt"]
    run([*command, *pinned], environ)
    install_torch(python)
    tell("Installing AI Runner itself ...")
    run([*command, "--no-deps", "--no-build-isolation", "--editable", "."], environ)
    compile_packages(python)


def compile_packages(python: Path) -> None:
    """Compile what is installed and is not compiled yet; templates that are no Python are left."""
    code = (
        "import compileall, sysconfig\n"
        "for folder in {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}:\n"
        "    compileall.compile_dir(folder, quiet=2, workers=0)"
    )
    tell("Compiling what is installed, on all cores; up to a minute on a slow machine ...")
    with suppress(SystemExit):  # what is not compiled now is when it is first imported
        run([str(python), "-c", code])


def install_torch(python: Path) -> None:
    """Have the pip that was just installed fetch torch, unless this version of it is here."""
    requirement = torch_requirement(TORCH.read_text(encoding="utf-8"))
    version = requirement.partition("==")[2]
    found = "import sys, importlib.metadata as m; v = m.version('torch').partition('+')[0]"
    if has(python, f"{found}; sys.exit(v != {version!r})"):
        return
    tell(f"Installing {requirement} with pip, the largest part; it takes minutes ...")
    run(torch_command(python, requirement, os.environ))


def torch_requirement(text: str) -> str:
    """The one requirement in `text`, which is that of `constraints/torch.txt`."""
    (requirement,) = (line for line in text.splitlines() if line and not line.startswith("#"))
    return requirement


def torch_command(python: Path, requirement: str, environ: Mapping[str, str]) -> list[str]:
    """The call of pip that fetches torch from where the user wants it."""
    command = [str(python), "-m", "pip", "install", *PIP_OPTIONS]
    index = environ.get(TORCH_INDEX)
    return [*command, *(["--index-url", index] if index else []), requirement]


if __name__ == "__main__":
    if sys.version_info < LEAST:
        sys.exit("AI Runner needs Python 3.11 or newer.")
    install(sys.argv[1])

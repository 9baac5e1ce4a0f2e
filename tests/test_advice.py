"""Messages that tell people what to do: the right thing, for each of the reasons."""

from __future__ import annotations

import errno
import re
import socket
import subprocess
import sys
from pathlib import Path

import gguf
import httpx
import pytest
from typer.testing import CliRunner

import airunner
from airunner.cli.app import app
from airunner.engines.base import LoadPlan, WorkerExit
from airunner.engines.llama_cpp.load_log import explain
from airunner.errors import (
    ContextOverflowError,
    CorruptWeightsError,
    LoadError,
    MissingWeightsError,
    UnknownModelError,
    UnsupportedArchitectureError,
)
from airunner.errors.pasted import pasted
from airunner.models.files.gguf import read_gguf
from airunner.weights.fetch_problem import fetch_problem, missing

CASES = Path(__file__).parent / "cases"
PAGE = "https://huggingface.co/maker/model"


def described(path: Path, architecture: str, **keys: object) -> Path:
    """A file without weights that says these things of itself."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in keys.items():
        if isinstance(value, int):
            writer.add_uint16(key.replace("_", "."), value)
        else:
            writer.add_string(key.replace("_", "."), str(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_later_part_of_a_split_model_is_a_good_file(tmp_path: Path) -> None:
    later = described(tmp_path / "m-00002-of-00003.gguf", "llama", split_no=1)
    with pytest.raises(CorruptWeightsError) as caught:
        read_gguf(later)
    assert str(caught.value).endswith("Name the first part, m-00001-of-00003.gguf.")
    assert "Delete" not in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "kind", "advice"),
    [
        ("clip", "mmproj", "put it beside that model's file"),
        ("llama", "adapter", "merge it into the model"),
        ("llama", "vocab", "fetch the model itself"),
        ("clip", "model", "put it beside that model's file"),
        ("flux", "model", "choose a language model"),
        ("bert", "model", "register it for EMBEDDING alone"),
    ],
)
def test_a_file_of_another_kind_needs_no_newer_engine(
    tmp_path: Path, architecture: str, kind: str, advice: str
) -> None:
    file = described(tmp_path / "a.gguf", architecture, general_type=kind)
    with pytest.raises(UnsupportedArchitectureError) as caught:
        read_gguf(file)
    assert advice in str(caught.value)
    assert "newer engine" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_not_to_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(CorruptWeightsError) as caught:
        read_gguf(tmp_path / "folder.gguf")
    assert "Delete" not in str(caught.value)


@pytest.mark.parametrize("name", ["some.gguf", "./some.gguf", "/models/Some.GGUF"])
def test_a_file_is_not_fetched(tmp_path: Path, name: str) -> None:
    assert "nothing has to be fetched for a file" in str(UnknownModelError(name))
    done = CliRunner().invoke(app, ["models", "pull", name, "--home", str(tmp_path)])
    assert done.exit_code == 1
    assert "`airunner models add`" in done.output


def test_a_larger_context_is_only_advised_where_there_is_one() -> None:
    assert "raise --context" in str(ContextOverflowError("m", 9000, 4096, 8192))
    assert "raise --context" in str(ContextOverflowError("m", 9000, 4096))
    at_most = str(ContextOverflowError("m", 9000, 8192, 8192))
    assert "raise --context" not in at_most
    assert "takes no more" in at_most


def failed(status: int) -> Exception:
    request = httpx.Request("GET", PAGE)
    return httpx.HTTPStatusError(
        "401 Client Error. (Request ID: x)", request=request, response=httpx.Response(status)
    )


@pytest.mark.parametrize("error", [failed(401), failed(403)])
def test_a_gated_repository_names_its_page_and_the_way_to_sign_in(error: Exception) -> None:
    told = fetch_problem(error, PAGE)
    assert f"open {PAGE}, accept its conditions" in told
    assert "hf auth login" in told
    assert "Request ID" not in told


def test_a_repository_that_is_not_there() -> None:
    assert f"no such repository at {PAGE}, or it is private" in missing(PAGE)


@pytest.mark.parametrize(
    "cause",
    [
        socket.gaierror(-2, "Name or service not known"),
        socket.gaierror(-3, "Temporary failure in name resolution"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        OSError("[Errno 8] nodename nor servname provided, or not known"),
    ],
)
def test_no_network_is_told_as_that(cause: Exception) -> None:
    error = httpx.ConnectError(str(cause))
    error.__cause__ = cause
    told = fetch_problem(error, PAGE)
    assert "no connection" in told
    assert "Errno" not in told
    assert fetch_problem(ValueError("odd\nthing")) == "odd thing"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            "0.00.511.613 E common_chat_templates_init: error: parser: Expected }} (Got )\n"
            "...{{ messages[0] ...\n   ^\n"
            "0.00.512.358 E common_chat_templates_init: failed to initialize chat template\n",
            "(parser: Expected }} (Got ) ...{{ messages[0] ... ^)",
        ),
        (
            "0.00.864.860 E srv init: chat template parsing error: No parser: \n------------\n"
            "While executing CallExpression at line 1\nError: Jinja Exception: no system\n"
            "0.00.864.896 E srv init: please consider disabling jinja via --no-jinja\n",
            "(No parser: While executing CallExpression at line 1 Error: Jinja Exception: no sys",
        ),
    ],
)
def test_a_chat_template_that_does_not_parse_can_be_replaced(log: str, reason: str) -> None:
    error = explain(LoadPlan("m", Path("m.gguf")), "", WorkerExit(1, log))
    assert isinstance(error, LoadError)
    assert reason in str(error)
    assert "--chat-template FILE, or chat_template" in str(error)
    assert "--no-jinja" not in str(error)


WITHOUT_CRYPTOGRAPHY = """
import sys
from pathlib import Path
sys.modules["cryptography"] = None
from airunner.toolbox.documents.pdf import read_pdf
try:
    print(read_pdf(Path(sys.argv[1]), "a.pdf", 1000, lambda *_: None).sections[0].text)
except Exception as error:
    print(error)
"""


@pytest.mark.parametrize("is_there", [True, False])
def test_an_encrypted_pdf_is_read_or_says_what_it_needs(is_there: bool) -> None:
    pytest.importorskip("pypdf")
    code = WITHOUT_CRYPTOGRAPHY
    if is_there:
        pytest.importorskip("cryptography")
        code = code.replace('sys.modules["cryptography"] = None\n', "")
    pdf = CASES / "documents" / "aes256_nouser.pdf"
    done = subprocess.run(
        [sys.executable, "-c", code, str(pdf)], capture_output=True, text=True, check=True
    )
    if is_there:
        assert "The harbour opens at seven." in done.stdout
    else:
        assert "needs the package cryptography: pip install" in done.stdout
        assert "damaged" not in done.stdout


@pytest.mark.parametrize("name", ["x$(id).gguf", "a b'`id`", "publisher/plain-7B", "-rf"])
def test_a_command_in_a_hint_can_be_pasted_whatever_a_model_is_called(name: str) -> None:
    told = str(MissingWeightsError(name))
    command = told[told.index("`airunner") + 1 : told.rindex("`")]
    done = subprocess.run(
        ["sh", "-c", f'airunner() {{ printf "%s|" "$@"; }}; {command}'],
        capture_output=True,
        text=True,
        timeout=300,
    )
    ends = ["--"] if name.startswith("-") else []  # what follows is no option
    assert done.stdout.split("|") == ["models", "pull", *ends, name, ""]


def test_a_name_that_begins_with_a_dash_is_the_value_of_its_option() -> None:
    assert pasted("airunner", "chat", "--primary", "-rf") == "airunner chat --primary=-rf"
    assert pasted("--permissions", "a=allow") == "--permissions a=allow"


def test_every_command_with_a_name_in_it_is_quoted_in_one_place() -> None:
    """A literal that goes on with a value would be pasted as it is."""
    found = [
        f"{file.name}: {line.strip()}"
        for file in Path(airunner.__file__).parent.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"airunner (assign|chat|models|serve|image|keys|conversations)[^`\"]*\{", line)
    ]
    assert found == []

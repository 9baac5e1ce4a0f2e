"""The notebook and the web service of ``docs/examples`` run, on the embedded models."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from benchmarks.readme import ROOT
from tests.conftest import Eventually

from airunner import Runtime, Settings

EXAMPLES = ROOT / "docs/examples"
NOTEBOOK = json.loads((EXAMPLES / "team.ipynb").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def runtime(
    weights_home: Path, smollm2: Path, smollm2_q8: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    """The runtime that the examples share."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(weights_home / "models")
    settings = Settings(home=home, context=1024, offline=True).replace(max_tokens=32, tools="none")
    with Runtime(settings, command="test") as made:
        yield Runtime.share(made)


@pytest.fixture(scope="module")
def service(runtime: Runtime) -> Iterator[httpx.Client]:
    """A client of the example's service, which is served as uvicorn does."""
    file = EXAMPLES / "fastapi_app.py"
    spec = importlib.util.spec_from_file_location("fastapi_app", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        server = uvicorn.Server(uvicorn.Config(module.app, log_level="warning", ws="none"))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            with httpx.Client(base_url=address, timeout=300) as client:
                yield client
            server.should_exit = True
            thread.join()


def test_the_notebook_has_the_form_of_notebooks() -> None:
    """https://nbformat.readthedocs.io/en/latest/format_description.html"""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    cells = NOTEBOOK["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        keys = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            keys |= {"execution_count", "outputs"}
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        assert set(cell) == keys


def test_every_cell_of_the_notebook_runs(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    with asyncio.Runner() as loop:  # a kernel has one for all its cells
        for cell in NOTEBOOK["cells"]:
            if cell["cell_type"] == "code":
                run(loop, "".join(cell["source"]), names)
                assert capsys.readouterr().out.strip(), cell["id"]
    assert isinstance(names["weather"], names["Weather"])
    assert [message.role for message in names["conversation"].messages[:2]] == ["system", "user"]


def run(loop: asyncio.Runner, source: str, names: dict[str, Any]) -> None:
    """Run a cell; one that awaits is a coroutine."""
    code = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.iscoroutine(result):
        loop.run(result)


def test_the_service_answers_in_words_and_in_values(service: httpx.Client) -> None:
    question = {"text": "The ferry left late because of fog.", "max_tokens": 16}
    said = service.post("/answers/summarization", json=question)
    assert said.status_code == 200
    assert said.json()["text"]
    found = service.post("/weather", json={"text": "It is 12 degrees in Oslo.", "max_tokens": 64})
    assert set(found.json()) == {"place", "degrees"}
    assert service.post("/answers/cooking", json=question).status_code == 404
    assert "No capability 'cooking'" in service.post("/streams/cooking", json=question).text
    assert service.post("/answers/summarization", json={"text": "x", "max_tokens": 0}).is_error


def test_the_service_streams_and_hanging_up_breaks_it_off(
    service: httpx.Client, runtime: Runtime, eventually: Eventually
) -> None:
    question = {"text": "Translate to French: good morning, dear friends.", "max_tokens": 24}
    with service.stream("POST", "/streams/translation", json=question) as response:
        assert len(list(response.iter_raw())) > 1
    long = {"text": "Translate to French: once upon a time", "max_tokens": 900}
    with service.stream("POST", "/streams/translation", json=long) as response:
        next(response.iter_raw())
    eventually(lambda: all(model.leases == 0 for model in runtime.status().models))

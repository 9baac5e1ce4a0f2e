"""A whole AI Runner that is interrupted, terminated or killed: what it leaves, and for how long."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.children import has_ended
from tests.conftest import wait_until
from tests.faults.real_team import ONE_MODEL_BYTES

from airunner.config.settings import Settings
from airunner.runtime import Runtime

VICTIM = """
import json, sys
from pathlib import Path
import psutil
from airunner.agent.conversation import Conversation
from airunner.models.spec import ModelCapability
from airunner.runtime import Runtime
from airunner.config.settings import Settings
from airunner.tools.toolset import Toolset

settings = Settings(home=Path(sys.argv[1]), max_memory=int(sys.argv[2]), context=512, offline=True)
with Runtime(settings, toolset=Toolset(), command="victim") as runtime:
    for event in runtime.turn(Conversation.begin(), "Say yes."):
        pass
    specialist = runtime.load_specialized_model(ModelCapability.SUMMARIZATION)
    me = psutil.Process()
    folders = [Path(f.path).parent for f in me.open_files() if f.path.endswith("in-use")]
    print(json.dumps({
        "workers": [child.pid for child in me.children(recursive=True)],
        "folders": [str(folder) for folder in folders],
        "parked": sum(len(list(folder.glob("*.kv"))) for folder in folders),
    }), flush=True)
    while True:
        specialist.invoke("Count to a thousand.", max_tokens=300, remember=False)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_it_and_the_next_start_finds_no_trace(
    embedded_home: Path, how: signal.Signals
) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(embedded_home), str(ONE_MODEL_BYTES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with victim:
        assert victim.stdout is not None
        found = json.loads(victim.stdout.readline())
        folders = [Path(folder) for folder in found["folders"]]
        assert len(folders) >= 2, "workers' files, and the tiers of parked states"
        assert found["parked"] == 1
        assert found["workers"]
        victim.send_signal(how)
        _, complaint = victim.communicate(timeout=300)
    wait_until(lambda: all(has_ended(pid) for pid in found["workers"]))
    if how == signal.SIGINT:
        assert complaint.rstrip().endswith("KeyboardInterrupt"), complaint
        assert not any(folder.exists() for folder in folders), "it had time to clean up"
    else:
        assert victim.returncode == -how
        assert complaint == ""
        assert all(folder.exists() for folder in folders)
    Runtime(Settings(home=embedded_home, offline=True), command="next").close()
    assert not any(folder.exists() for folder in folders)
    assert list((embedded_home / "run").iterdir()) == []
    assert list((embedded_home / "parked").iterdir()) == []

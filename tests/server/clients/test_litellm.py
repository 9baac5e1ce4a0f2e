"""The library ``litellm``, as aider and many others ask by it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import NATIVE
from tests.server.clients.own_venv import programs

REQUIREMENTS = Path(__file__).with_name("litellm_library") / "requirements.txt"

SCRIPT = """
import json, sys
import litellm

url, model = sys.argv[1:]
said = [{"role": "user", "content": "List the first ten letters of the alphabet."}]
tool = {"type": "function", "function": {"name": "clock", "parameters": {
    "type": "object", "properties": {"zone": {"enum": ["UTC"]}}, "required": ["zone"]}}}


def ask(kind, base, **options):
    options = {"messages": said, "temperature": 0, "max_tokens": 8, **options}
    return litellm.completion(f"{kind}/{model}", api_base=base, api_key="none", **options)


whole = ask("openai", url + "/v1")
pieces = ask("openai", url + "/v1", stream=True, stream_options={"include_usage": True})
joined = litellm.stream_chunk_builder(list(pieces))
called = ask("openai", url + "/v1", tools=[tool], tool_choice="required", max_tokens=60)
claude = ask("anthropic", url)
local = ask("ollama_chat", url)
try:
    ask("openai", url + "/v1", messages=[{"role": "user", "content": "the sea " * 3000}])
except litellm.ContextWindowExceededError:
    long = "known"
call = called.choices[0].message.tool_calls[0].function
texts = [each.choices[0].message.content for each in (whole, joined, claude, local)]
print(json.dumps({"texts": texts, "call": [call.name, call.arguments], "long": long,
                  "tokens": [whole.usage.completion_tokens, joined.usage.completion_tokens]}))
"""


def test_litellm_asks_by_each_api(server: ServedHere, weights_home: Path) -> None:
    python = programs(REQUIREMENTS, weights_home) / "python"
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", SCRIPT, server.url, NATIVE],
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(set(told["texts"])) == 1
    assert told["texts"][0]
    assert told["call"] == ["clock", '{"zone": "UTC"}']
    assert told["tokens"] == [8, 8]
    assert told["long"] == "known"

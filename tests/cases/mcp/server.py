"""A small MCP server over stdio, written by hand, that misbehaves as servers in the field do.

python server.py MODE      MODE: no-structured | surrogate | one-bad-tool | int64
"""

import json
import sys

MODE = sys.argv[1] if len(sys.argv) > 1 else "no-structured"
OUTPUT = {"type": "object", "properties": {"celsius": {"type": "number"}}, "required": ["celsius"]}
GOOD = {
    "name": "ping_room",
    "description": "Ping a room.",
    "inputSchema": {"type": "object", "properties": {}},
}
SENSOR = {
    "name": "read_sensor",
    "description": "Read a temperature sensor.",
    "inputSchema": {"type": "object", "properties": {}},
}
SEEK = {
    "name": "seek",
    "description": "Move the tape to an offset.",
    "inputSchema": {
        "type": "object",
        "properties": {"offset": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}},
        "required": ["offset"],
    },
}
TOOLS = {
    "no-structured": [{**SENSOR, "outputSchema": OUTPUT}, GOOD],
    "surrogate": [SENSOR, GOOD],
    "one-bad-tool": [
        {"name": "broken", "description": "No type.", "inputSchema": {"properties": {}}},
        GOOD,
    ],
    "int64": [SEEK, GOOD],
}[MODE]
TEXT = {"surrogate": "cut in the middle of an emoji: \ud83d"}.get(MODE, '{"celsius": 21.5}')
calls = 0
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    match message["method"]:
        case "initialize":
            answer = {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "field", "version": "1"},
            }
        case "tools/list":
            answer = {"tools": TOOLS}
        case "tools/call":
            calls += 1
            answer = {"content": [{"type": "text", "text": f"{TEXT} (call {calls})"}]}
        case _:
            answer = {}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer}), flush=True)

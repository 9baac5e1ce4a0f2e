"""What the web page costs: bytes on the wire, long tasks, first paint, memory, leaks.

A scripted model answers at a given speed (``benchmarks.scripted_model``), so that only the
page and the server are measured, in a real browser over the Chrome DevTools protocol. Bytes
are those of the frames before compression. A long task is one that keeps the browser's main
thread for more than 50 ms; somebody types meanwhile. Other processes of a busy machine stretch
it, and not the CPU time beside it.

Run: ``python -m benchmarks.page [--windows 20] [--connects 500]``
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psutil
from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright
from scripts.browser import browser as found_browser
from websockets.sync.client import connect
from websockets.typing import Origin

from airunner.runtime.presence import find_server
from benchmarks.machine import describe_machine
from benchmarks.results_file import write_results

CHARACTERS, RATE = 8000, 100
_ASKED = f"write {CHARACTERS} at {RATE}"
_IDLE_S = 20.0
_CONNECTS_A_SECOND = 5.0
_WATCH = """() => {
  window.longest = 0; window.tasks = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) {
      window.tasks += 1;
      window.longest = Math.max(window.longest, each.duration);
    }
  }).observe({type: "longtask"});
}"""
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@contextmanager
def served() -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server of its own, and its process."""
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "benchmarks.scripted_server", folder, "0"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            found = find_server(Path(folder))
            assert found is not None
            try:
                yield found.url, psutil.Process(process.pid)
            finally:
                process.terminate()


class Wire:
    """Counts the bytes of a tab's frames."""

    def __init__(self, session: CDPSession) -> None:
        self.received = self.sent = 0
        session.send("Network.enable")
        session.on("Network.webSocketFrameReceived", self._took)
        session.on("Network.webSocketFrameSent", self._gave)

    def _took(self, event: dict[str, Any]) -> None:
        self.received += len(event["response"]["payloadData"].encode())

    def _gave(self, event: dict[str, Any]) -> None:
        self.sent += len(event["response"]["payloadData"].encode())


def ask(tab: Page) -> None:
    """Ask for the long answer."""
    tab.get_by_label("Message", exact=True).fill(_ASKED)
    tab.keyboard.press("Enter")


def opened(context: BrowserContext, url: str) -> Page:
    """A tab with an empty chat."""
    tab = context.new_page()
    tab.goto(f"{url}/chat")
    tab.locator(".composer textarea").wait_for()
    return tab


def longest_work_ms(trace: bytes) -> float:
    """The longest task of a page's main thread, in milliseconds of CPU time."""
    events = json.loads(trace)["traceEvents"]
    main = {
        (e["pid"], e["tid"])
        for e in events
        if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"
    }
    work = [e.get("tdur", 0) for e in events if (e["pid"], e["tid"]) in main and e["ph"] == "X"]
    return round(max(work, default=0) / 1000, 1)


def measure_answer(context: BrowserContext, url: str) -> dict[str, Any]:
    """One answer in one tab, in which somebody types."""
    tab = opened(context, url)
    tab.wait_for_timeout(1000)
    tab.evaluate(_WATCH)
    wire = Wire(context.new_cdp_session(tab))
    browser = context.browser
    assert browser is not None
    browser.start_tracing(page=tab, categories=["toplevel"])
    began_s = time.perf_counter()
    ask(tab)
    tab.locator(".live .block").first.wait_for(state="attached")
    slowest_key_s = 0.0
    while tab.locator(".live").count():
        pressed_s = time.perf_counter()
        tab.get_by_label("Message", exact=True).press_sequentially("x")
        slowest_key_s = max(slowest_key_s, time.perf_counter() - pressed_s)
        tab.wait_for_timeout(150)
    taken_s = time.perf_counter() - began_s
    work_ms = longest_work_ms(browser.stop_tracing())
    text = tab.locator(".said.assistant").last.inner_text()
    result = {
        "characters": CHARACTERS,
        "tokens_a_second": RATE,
        "shown_characters": len(text),
        "answer_s": round(taken_s, 1),
        "received_bytes": wire.received,
        "sent_bytes": wire.sent,
        "long_tasks": tab.evaluate("() => window.tasks"),
        "longest_task_cpu_ms": work_ms,
        "longest_task_ms": tab.evaluate("() => window.longest"),
        "slowest_key_ms": round(1000 * slowest_key_s),
    }
    tab.close()
    return result


def measure_paint(context: BrowserContext, url: str, rounds: int) -> list[float]:
    """When something is seen first, in ms, with a warm cache."""
    tab = opened(context, url)
    found = []
    for _ in range(rounds):
        tab.goto(f"{url}/chat")
        tab.locator(".composer textarea").wait_for()
        found.append(round(tab.wait_for_function(_PAINT).json_value()))
    tab.close()
    return found


def measure_windows(
    context: BrowserContext, url: str, server: psutil.Process, count: int
) -> dict[str, Any]:
    """``count`` windows, each with an answer that is being written."""
    tabs = [opened(context, url) for _ in range(count)]
    for tab in tabs:
        ask(tab)
    most = 0
    for _ in range(20):
        tabs[0].wait_for_timeout(500)
        most = max(most, server.memory_info().rss)
    running = sum(tab.locator(".live").count() for tab in tabs)
    for tab in tabs:
        tab.close()
    return {"windows": count, "running_after_10_s": running, "server_bytes": most}


def idle_share(server: psutil.Process) -> float:
    """The share of one core that the server uses while nothing happens, in percent."""
    before, began_s = server.cpu_times(), time.perf_counter()
    time.sleep(_IDLE_S)
    after = server.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return round(100 * used_s / (time.perf_counter() - began_s), 2)


def measure_connects(url: str, server: psutil.Process, count: int) -> dict[str, Any]:
    """Tabs that come and go at once; what the server holds afterwards, in the second half.

    A tab is kept for a minute, so how many there are at a time, and with them what the server
    takes at most, follows from how fast they come: ``connects_a_second``, less on a busy machine.
    """
    held = []
    waited_s, began_s = 0.0, time.perf_counter()
    for number in range(count):
        page = httpx.get(f"{url}/chat", timeout=30).text
        found = re.search(r"'client_id': '([^']+)'", page)
        assert found is not None
        query = {"client_id": found[1], "next_message_id": 0, "implicit_handshake": "true"}
        query |= {"tab_id": f"tab-{number}", "document_id": f"document-{number}"}
        query |= {"EIO": 4, "transport": "websocket"}
        address = f"{url.replace('http', 'ws', 1)}/_nicegui_ws/socket.io/?{urlencode(query)}"
        with connect(address, origin=Origin(url)) as socket:
            socket.recv(timeout=30)
            socket.send("40")
            socket.recv(timeout=30)
        if number in (count // 2, count - 1):
            time.sleep(75)  # a window may be gone for 60 s before it is given up
            waited_s += 75
            held.append(server.memory_info().rss)
        due_s = began_s + waited_s + (number + 1) / _CONNECTS_A_SECOND
        time.sleep(max(0.0, due_s - time.perf_counter()))
    taken_s = time.perf_counter() - began_s - waited_s
    return {
        "connects": count,
        "connects_a_second": round(count / taken_s, 1),
        "server_bytes_at_half": held[0],
        "server_bytes_at_end": held[1],
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--connects", type=int, default=500)
    wanted = parser.parse_args()
    result: dict[str, Any] = {"machine": describe_machine()}
    browser_path = found_browser()
    with served() as (url, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context()
        result["first_paint_warm_ms"] = measure_paint(context, url, 5)
        result["answer"] = measure_answer(context, url)
        result["server_alone_percent"] = idle_share(server)
        tab = opened(context, url)
        tab.wait_for_timeout(2000)
        result["idle_page_percent"] = idle_share(server)
        tab.close()
        print(json.dumps(result, indent=2), flush=True)
        if wanted.windows:
            result["windows"] = measure_windows(context, url, server, wanted.windows)
        browser.close()
        if wanted.connects:
            result["connects"] = measure_connects(url, server, wanted.connects)
    print(json.dumps(result, indent=2))
    write_results("page", result)


if __name__ == "__main__":
    main()

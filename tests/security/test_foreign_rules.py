"""Rules about tools of other programs: what an argument may lead to, not how it is spelled.

How such a program reads a name is its own; so what denies is read as widely as any program
may read it, and what allows only where nothing else can be meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airunner.tools.foreign_names import ForeignNames
from airunner.tools.json_form import JsonForm
from airunner.tools.meaning import MeantCall
from airunner.tools.permissions import Permissions, scope_of
from airunner.tools.tool import Tool

TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": TEXT,
        "paths": {"type": "array", "items": TEXT},
        "url": TEXT,
        "host": TEXT,
        "where": {"type": "string", "description": "Path of the note."},
        "options": {"type": "object", "properties": {"outFile": TEXT}},
        "content": TEXT,
        "hard": {"type": "boolean"},
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path.resolve() / "work"
    for name in ("secret", "notes"):
        (path / name).mkdir(parents=True)
    (path / "secret" / "k.txt").write_text("k", encoding="utf-8")
    (path / "notes" / "out").symlink_to("../secret")
    (path / "notes" / "in").symlink_to(".")
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.setenv("AT", "secret")
    return path


def foreign(folder: Path) -> Tool:
    async def call(**_: Any) -> str:
        return ""

    form = JsonForm("fs_use", SCHEMA)
    names = ForeignNames(SCHEMA, folder)
    return Tool(call, name="fs_use", description="Use.", permission="read", form=form, names=names)


def decided(folder: Path, rules: dict[str, str], **arguments: Any) -> str:
    return Permissions(rules.items()).decide(foreign(folder), MeantCall.of(arguments)).decision


SPELLINGS = [
    "secret/k.txt",
    " secret/k.txt",
    "./secret//k.txt",
    "notes/../secret/k.txt",
    "notes\\..\\secret\\k.txt",
    "notes/out/k.txt",
    "SECRET/k.txt",
    "ｓecret/k.txt",
    "~/secret/k.txt",
    "{folder}/secret/k.txt",
    "{folder}/notes/../secret/k.txt",
    "file://{folder}/secret/k.txt",
    "file:{folder}/secret/k.txt",
    "sec%72et/k.txt",
    "notes/%2e%2e/secret/k.txt",
    "notes/%252e%252e/secret/k.txt",
    "$HOME/secret/k.txt",
    "${{AT}}/k.txt",
    "/srv/elsewhere/secret/k.txt",
    "secret",
    "secret/",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_denies_a_path_denies_every_spelling_of_it(folder: Path, spelling: str) -> None:
    path = spelling.format(folder=folder)
    for argument, value in (("path", path), ("paths", ["notes/a", path]), ("content", path)):
        rules = {"@read": "allow", f"fs_*({argument}=secret/*)": "deny"}
        assert decided(folder, rules, **{argument: value}) == "deny", argument
        assert decided(folder, rules, **{argument: "notes/a"}) == "allow", argument
        absolute = {"@read": "allow", f"fs_*({argument}={folder}/secret/*)": "deny"}
        if "elsewhere" not in path:
            assert decided(folder, absolute, **{argument: value}) == "deny", argument
    for rule in (
        *("notes/out/*", "notes/out", "{folder}/notes/in/out/*", "~/notes/out/k.txt"),
        *("notes/o*", "n*/out/*", "{folder}/notes/[i]n/o?t/*", "~/notes/i*/o*/k.txt"),
    ):
        linked = {"@read": "allow", f"fs_*(path={rule.format(folder=folder)})": "deny"}
        if "elsewhere" not in path and Path(path).name == "k.txt":
            assert decided(folder, linked, path=path) == "deny", rule
        assert decided(folder, linked, path="notes/a") == "allow", rule
    within = {"fs_use(options=secret/*)": "deny"}
    assert decided(folder, within, options={"outFile": path}) == "deny"


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/a",
        "HTTP://EVIL.example/a",
        "http://evil。example/a",
        "http://evil.example./a",
        "http://user@evil.example:80/a",
        "http://%65vil.example/a",
        "http://ｅvil.example/a",
        "http://good.example/..//evil.example/a",
    ],
)
def test_what_denies_a_host_denies_every_spelling_of_it(folder: Path, address: str) -> None:
    rules = {"@read": "allow", "fs_use(url=*evil.example*)": "deny"}
    assert decided(folder, rules, url=address) == "deny"
    assert decided(folder, rules, url="http://good.example/a") == "allow"


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"])
def test_an_address_in_numbers_is_the_address(folder: Path, host: str) -> None:
    rules = {"@read": "allow", "fs_use(url=*127.0.0.1*)": "deny", "fs_use(host=127.0.0.1)": "deny"}
    assert decided(folder, rules, url=f"http://{host}/") == "deny"
    if not host.startswith("["):
        assert decided(folder, rules, host=host) == "deny"


@pytest.mark.parametrize(
    "path",
    [
        "notes/out/k.txt",
        "notes/~x",
        " notes/a",
        "notes/%2e%2e/k",
        "notes\\a",
        "notes/$AT",
        "no",
        "notes/../secret/k.txt",
        "notes/a\nb",
        "notes/ａ",
        "notes//a",
        "notes/./a",
    ],
)
def test_what_allows_a_folder_lets_nothing_in_that_may_lead_elsewhere(
    folder: Path, path: str
) -> None:
    rules = {"@read": "ask", "fs_use(path=notes/*)": "allow", "fs_use(where=notes/*)": "allow"}
    for argument in ("path", "where"):
        assert decided(folder, rules, **{argument: path}) == "ask"
        for plain in ("notes/a", "notes/deep/a b.txt", "notes/in/a"):
            assert decided(folder, rules, **{argument: plain}) == "allow"
    absolute = {"@read": "ask", f"fs_use(path={folder}/notes/*)": "allow"}
    assert decided(folder, absolute, path=f"{folder}/{path}") == "ask"
    assert decided(folder, absolute, path=f"{folder}/notes/a") == "allow"


def test_what_allows_a_host_lets_no_other_in(folder: Path) -> None:
    rules = {"@read": "ask", "fs_use(url=https://good.example/*)": "allow"}
    assert decided(folder, rules, url="https://good.example/a?b=c") == "allow"
    for other in ("https://good.example/../x", "https://good.example\\@evil.example/", "http://a"):
        assert decided(folder, rules, url=other) == "ask"


def test_text_is_text(folder: Path) -> None:
    rules = {"@read": "ask", "fs_use(content=fix *)": "allow"}
    assert decided(folder, rules, content="fix 5% of ~ all\n") == "allow"


def test_always_covers_the_folder_and_the_host_that_were_shown(folder: Path) -> None:
    def scope(**arguments: Any) -> str:
        return scope_of(foreign(folder), MeantCall.of(arguments))

    assert scope(path="notes/a", content="x", hard=False) == "fs_use(path=notes/*, hard=false)"
    assert scope(path="notes/b", content="y", hard=False) == scope(
        path="notes/a", content="x", hard=False
    )
    assert scope(path="secret/k.txt") == "fs_use(path=secret/*)"
    assert scope(url="https://good.example/a?x") == "fs_use(url=https://good.example/*)"
    assert scope(path="notes/a", url="http://b") == "fs_use(path=notes/*, url=http://b/*)"
    (folder / "notes" / "led").symlink_to("../secret/k.txt")
    assert scope(path="notes/led") == "fs_use(path=notes/led)"
    assert scope(path="a/*, url=http://b/c") != scope(path="a/c", url="http://b/c")


def test_odd_values_are_no_riddle(folder: Path) -> None:
    rules = {"fs_use(path=secret/*)": "deny", "fs_use(url=http://x/*)": "allow"}
    long = "a/" * 5000
    for value in ("\0", long, "~nobody/x", "http://[::1/", "://", "", {"a": [{"b": None}]}, 5):
        assert decided(folder, rules, path=value, url=value) in ("allow", "ask", "deny")
    assert decided(folder, rules, path=[["secret/k.txt"]]) == "deny"

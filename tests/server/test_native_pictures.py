"""Drawings in a queue and the gallery that they fill, over HTTP, with the embedded model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Eventually
from tests.server.conftest import Server, serving
from tests.tiny_png import png

from airunner.components.llm.config.model_capabilities import EMBEDDED_ARTIST

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(find_spec("diffusers") is None, reason="airunner[images] is not installed"),
]


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home, "--max-memory", "2GB") as found:
        with found.api as client:
            client.post("/load", json={"model": EMBEDDED_ARTIST}, timeout=300)
        yield found


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api as client:
        yield client


def wanted(prompt: str, **fields: Any) -> dict[str, Any]:
    return {"request": {"prompt": prompt, "seed": 5, **fields}, "model": EMBEDDED_ARTIST}


def test_a_queue_of_drawings_fills_the_gallery(
    api: httpx.Client, server: Server, eventually: Eventually
) -> None:
    def shown(drawing: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = api.get(f"/drawings/{drawing['id']}").json()
        assert found["state"] != "failed", found["problem"]
        return found

    before = api.get("/pictures").json()["total"]
    # Until it is taken away, nothing else is drawn.
    hold = api.post("/drawings", json=wanted("a red star", steps=500)).json()
    eventually(lambda: shown(hold)["state"] == "running")
    first = api.post("/drawings", json=wanted("a red circle of its own", steps=16)).json()
    others = [
        api.post("/drawings", json=wanted(f"a {colour} square", steps=4)).json()
        for colour in ("blue", "green", "yellow")
    ]
    assert [each["place"] for each in (first, *others)] == [1, 2, 3, 4]
    moved = api.patch(f"/drawings/{others[2]['id']}", json={"place": 2}).json()
    assert moved["place"] == 2
    assert api.delete(f"/drawings/{others[1]['id']}").json()["state"] == "cancelled"

    api.delete(f"/drawings/{hold['id']}")
    eventually(lambda: shown(first)["previews"] > 0 or shown(first)["state"] == "done")
    preview = api.get(f"/drawings/{first['id']}/preview")
    if preview.status_code == 200:  # it may have ended meanwhile
        assert preview.content.startswith(b"\x89PNG")
    eventually(lambda: shown(others[0])["state"] == "done")
    done = shown(first)
    assert (done["step"], done["steps"]) == (16, 16)
    assert 5 <= done["previews"] <= 10
    assert api.get(f"/drawings/{first['id']}/preview").status_code == 404
    order = [each["request"]["prompt"] for each in api.get("/drawings").json()["drawings"]]
    assert order.index("a yellow square") < order.index("a blue square")

    page = api.get("/pictures").json()
    assert page["total"] == before + 3
    assert page["pictures"][0]["prompt"] == "a blue square"
    (circle,) = api.get("/pictures", params={"search": "of its own"}).json()["pictures"]
    assert (circle["seed"], circle["model"], circle["width"]) == ("5", EMBEDDED_ARTIST, 64)
    assert circle["name"] == done["pictures"][0]
    file = api.get(f"/pictures/{circle['name']}")
    assert file.headers["content-type"] == "image/png"
    assert "sandbox" in file.headers["content-security-policy"]
    assert file.content == (server.home / "pictures" / circle["name"]).read_bytes()
    small = api.get(f"/pictures/{circle['name']}/thumbnail", params={"px": 64})
    assert small.headers["content-type"] == "image/jpeg"

    again = wanted("a red circle of its own", steps=4) | {"picture": circle["name"]}
    copy = api.post("/drawings", json=again).json()
    eventually(lambda: shown(copy)["state"] == "done")
    changed = api.get("/pictures").json()["pictures"][0]
    assert changed["settings"]["init_image"] == circle["name"]

    assert api.delete(f"/pictures/{circle['name']}").json()["freed_bytes"] == circle["n_bytes"]
    assert api.get(f"/pictures/{circle['name']}").status_code == 404
    assert api.get("/pictures").json()["total"] == before + 3
    api.delete(f"/drawings/{first['id']}")
    assert api.get(f"/drawings/{first['id']}").status_code == 404


def test_a_drawing_that_runs_is_ended_and_leaves_no_file(
    api: httpx.Client, server: Server, eventually: Eventually
) -> None:
    before = api.get("/pictures").json()["total"]
    long = api.post("/drawings", json=wanted("a red square", steps=500)).json()

    def has_begun() -> bool:
        shown = api.get(f"/drawings/{long['id']}").json()
        assert shown["state"] != "failed", shown["problem"]
        return bool(shown["step"])

    eventually(has_begun)
    assert api.delete(f"/drawings/{long['id']}").json()["state"] == "cancelled"
    next_ = api.post("/drawings", json=wanted("a blue circle", steps=2)).json()
    eventually(lambda: bool(api.get(f"/drawings/{next_['id']}").json()["state"] == "done"))
    assert api.get("/pictures").json()["total"] == before + 1
    assert not list((server.home / "pictures").glob("*.part"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (wanted("x", targets=["/etc/passwd"]), 400),
        (wanted("  "), 400),
        (wanted("x") | {"picture": "../../etc/passwd"}, 404),
        ({"request": {"words": "x"}}, 400),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    api: httpx.Client, body: dict[str, Any], status: int
) -> None:
    assert api.post("/drawings", json=body).status_code == status


def test_names_stay_inside_the_folder(api: httpx.Client) -> None:
    for name in ("..%2Frecords.sqlite3", "%2Fetc%2Fpasswd", "nobody.png"):
        assert api.get(f"/pictures/{name}").status_code == 404
    assert api.get("/pictures", params={"limit": 100_000}).status_code == 400


def test_a_picture_that_is_handed_over_is_drawn_from_and_once_more(
    api: httpx.Client, eventually: Eventually
) -> None:
    def draw(address: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        id = api.post(address, json=body).raise_for_status().json()["id"]
        eventually(lambda: api.get(f"/drawings/{id}").json()["state"] not in ("queued", "running"))
        assert (ended := api.get(f"/drawings/{id}").json())["state"] == "done", ended["problem"]
        (made,) = api.get("/pictures", params={"limit": 1}).json()["pictures"]
        return dict(made)

    start = api.post("/starts", files={"file": ("door.png", png(64, 64))}).json()
    assert (start["width"], start["height"]) == (64, 64)
    assert api.get(f"/starts/{start['name']}").content.startswith(b"\x89PNG")
    body = wanted("a blue circle", steps=4) | {"picture": start["name"]}
    first = draw("/drawings", body)
    assert first["settings"]["init_image"] == start["name"]
    second = draw(f"/pictures/{first['name']}/another")
    assert second["seed"] != first["seed"]
    assert second["settings"] | {"seed": ""} == first["settings"] | {"seed": ""}

    beside = {"kind": "rectangle", "left": 90, "top": 0, "width": 9, "height": 9}
    nothing = api.post("/drawings", json={**body, "painted": [beside]})
    assert "nothing of the picture is painted over" in nothing.json()["error"]["message"]
    unable = api.post("/drawings", json={**body, "painted": [{**beside, "left": 9}]})
    assert "cannot paint over" in unable.json()["error"]["message"]
    assert api.post("/drawings", json={**body, "painted": [{"kind": "x"}]}).status_code == 400
    assert api.post("/starts", files={"file": ("a.png", b"none")}).status_code == 400
    assert api.post("/pictures/none.png/another").status_code == 404

"""Pictures in a real browser, drawn by the model that is shipped: queue, gallery, painting over."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, expect
from tests.server.conftest import Server, serving
from tests.tiny_png import png
from tests.ui.conftest import Site, expect_to_fit, violations
from tests.ui.test_hostile import EVIL, HOSTILE

from airunner.components.llm.config.model_capabilities import EMBEDDED_ARTIST

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(find_spec("diffusers") is None, reason="airunner[images] is not installed"),
]
CIRCLE = "a large red circle on a blue background"
UNIQUE = "a large red circle on a black background"
PAINTER = "tiny/painter"


@pytest.fixture(scope="module")
def server(home: Path, tiny_pipelines: Path) -> Iterator[Server]:
    """A server whose gallery has one picture, with settings that mean harm.

    Beside the model that draws it has one of random weights that paints over pictures alone.
    """
    hostile = PngInfo()
    for key, text in zip(("prompt", "model", "seed", "steps", "mask"), HOSTILE, strict=False):
        hostile.add_text(key, text)
    hostile.add_text(f"<img src={EVIL}/k.png onerror=window.hacked=8>", "\n".join(HOSTILE))
    pictures = home / "pictures"
    pictures.mkdir()
    Image.new("RGB", (48, 32), "orange").save(pictures / "50% <b>&'\"? #.png", pnginfo=hostile)
    with serving(home, "--max-memory", "2GB") as found:
        with found.api as client:
            wanted = {"capability": "image_generation", "model": EMBEDDED_ARTIST}
            client.post("/assign", json=wanted).raise_for_status()
            painter = {"source": str(tiny_pipelines / "inpainting"), "name": PAINTER}
            client.post("/models", json=painter).raise_for_status()
            client.post("/load", json={"model": EMBEDDED_ARTIST}, timeout=300)
        yield found


def draw(tab: Page, prompt: str) -> None:
    tab.get_by_label("What to draw").fill(prompt)
    tab.get_by_label("What to draw").press("Enter")


def thumbnails(tab: Page) -> int:
    return tab.locator(".grid a").count()


def drawn(tab: Page, before: int, more: int = 1) -> None:
    """Wait until there are as many pictures more than ``before``."""
    expect(tab.locator(".grid a")).to_have_count(before + more)


def in_gallery(server: Server) -> list[dict[str, object]]:
    with server.api as api:
        found: list[dict[str, object]] = api.get("/pictures").json()["pictures"]
        return found


def test_a_picture_is_seen_as_it_is_drawn_and_then_in_the_gallery(site: Site) -> None:
    tab = site.open("/pictures")
    expect(tab.locator(".grid a")).not_to_have_count(0)
    before = thumbnails(tab)
    tab.get_by_text("More choices").click()
    steps = tab.get_by_label("Steps", exact=True)
    steps.fill("500")
    draw(tab, "a green square")
    rows = tab.locator(".drawing")
    expect(rows.locator(".preview img")).to_be_visible()
    expect(rows).to_contain_text("of 500")
    draw(tab, "a yellow star")
    steps.fill("12")
    tab.get_by_label("Seed").fill("7")
    draw(tab, UNIQUE)
    expect(rows.nth(2)).to_contain_text("Number 2 of those that wait")
    tab.get_by_role("button", name=f"Draw next: {UNIQUE}").click()
    expect(rows.nth(1)).to_contain_text(UNIQUE)
    tab.get_by_role("button", name="Cancel: a yellow star").click()
    tab.get_by_role("button", name="Cancel: a green square").click()
    tab.get_by_role("heading", name="Pictures").click()
    expect(tab.locator(".q-tooltip")).to_have_count(0)
    assert violations(tab) == []
    drawn(tab, before)
    expect(rows).to_have_count(0)

    tab.get_by_label("Search pictures").fill("on a black")
    expect(tab.locator(".count")).to_have_text("1 picture")
    tab.locator(".grid a").click()
    expect(tab.get_by_role("heading", name=UNIQUE)).to_be_visible()
    facts = tab.locator(".picture-facts")
    for words in ("7", EMBEDDED_ARTIST, "12", "64 × 64 pixels"):
        expect(facts.get_by_text(words, exact=words != "64 × 64 pixels")).to_be_visible()
    expect(tab.locator(".large img")).to_have_js_property("naturalWidth", 64)
    assert violations(tab) == []
    with tab.expect_download() as saved:
        tab.get_by_role("link", name="Save").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")

    tab.get_by_role("button", name="Another").click()
    drawn(tab, before, 2)
    newest, first = in_gallery(site.server)[:2]
    assert newest["prompt"] == first["prompt"] == UNIQUE
    assert newest["seed"] != first["seed"]

    tab.locator(".grid a").first.click()
    tab.get_by_role("button", name="Delete…").click()
    expect(tab.get_by_role("dialog")).to_contain_text("gone for good")
    tab.get_by_role("button", name="Delete", exact=True).press("Enter")
    drawn(tab, before, 1)
    expect(tab.get_by_label("What to draw")).to_be_focused()


def test_a_part_is_painted_over_with_a_brush_and_by_numbers(site: Site) -> None:
    source = site.server.home / "pictures" / "blue.png"
    Image.new("RGB", (64, 64), (20, 60, 220)).save(source)
    before = len(in_gallery(site.server))
    tab = site.open("/pictures/blue.png")
    tab.get_by_role("button", name="Paint over…").click()
    paint(tab, (0.7, 0.3), (0.7, 0.7))
    tab.get_by_text("Without a brush").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_role("button", name="Add rectangle").focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("img", name="2 parts of it painted over")).to_be_visible()
    assert violations(tab) == []
    dialog.get_by_role("button", name="Undo").click()
    expect(tab.get_by_role("img", name="1 part of it painted over")).to_be_visible()
    dialog.get_by_label("What shall be there").fill("a large red circle on a white background")
    dialog.get_by_role("button", name="Draw").click()
    # The model that is shipped has no latent space to paint in: the other one is chosen.
    drawn(tab, before)
    with site.server.api as api:
        orders = [each["request"] for each in api.get("/drawings").json()["drawings"]]
    (order,) = (each for each in orders if each["init_image"] == str(source))
    with Image.open(order["mask"]) as mask:
        seen = [mask.getpixel(at) for at in ((45, 32), (45, 22), (6, 32), (60, 60))]
    assert seen == [255, 255, 0, 0]

    # The same over a picture that was drawn.
    before = thumbnails(tab)
    draw(tab, CIRCLE)
    drawn(tab, before)
    tab.locator(".grid a").first.click()
    tab.get_by_role("button", name="Paint over…").click()
    paint(tab, (0.75, 0.25), (0.75, 0.75))
    dialog.get_by_label("Model").click()
    expect(tab.get_by_role("option")).to_have_text(["painter"])
    tab.get_by_role("option", name="painter").click()
    dialog.get_by_role("button", name="Draw").click()
    drawn(tab, before, 2)
    painted, source = in_gallery(site.server)[:2]
    assert (painted["model"], source["prompt"]) == (PAINTER, CIRCLE)
    changed = changes(site.server, source, painted)
    # The brush is 11 pixels wide, and went from (48, 16) to (48, 48).
    assert all(40 <= x <= 56 and 8 <= y <= 56 for x, y in changed)
    assert {(48, y) for y in range(16, 48)} <= changed

    tab.get_by_text("More choices").click()
    tab.get_by_label("Model").click()
    options = tab.get_by_role("option")
    expect(options.filter(has_text=EMBEDDED_ARTIST.rpartition("/")[2])).not_to_have_count(0)
    expect(options.filter(has_text="painter")).to_have_count(0)
    with site.server.api as api:
        refused = api.post("/drawings", json={"request": {"prompt": CIRCLE}, "model": PAINTER})
    assert "only paints over" in refused.json()["error"]["message"]


def test_a_team_whose_own_model_only_paints_over_says_so_and_another_draws(site: Site) -> None:
    artist = EMBEDDED_ARTIST.rpartition("/")[2]
    hint = "painter, the team's own, only paints over pictures."
    for model, told, chosen in ((PAINTER, 1, artist), (EMBEDDED_ARTIST, 0, "The team's own")):
        with site.server.api as api:
            assigned = {"capability": "image_generation", "model": model}
            api.post("/assign", json=assigned).raise_for_status()
        tab = site.open("/pictures")
        tab.get_by_text("More choices", exact=True).click()
        expect(tab.locator(".drawing-form .q-select")).to_contain_text(chosen)
        expect(tab.get_by_text(hint)).to_have_count(told)
        if told:
            order = {"request": {"prompt": CIRCLE, "steps": 1}}
            with site.server.api as api:
                drawn = api.post("/draw", json=order).raise_for_status().json()
            assert drawn["pictures"][0]["settings"]["model"].endswith(artist)


def test_what_was_painted_outlives_a_drawing_that_failed(site: Site) -> None:
    Image.new("RGB", (64, 64), "navy").save(site.server.home / "pictures" / "navy.png")
    order = {
        "request": {"prompt": "a lost moon", "scheduler": "nobody"},
        "model": PAINTER,
        "picture": "navy.png",
        "painted": [{"kind": "rectangle", "left": 8, "top": 8, "width": 9, "height": 9}],
    }
    with site.server.api as api:
        api.post("/drawings", json=order).raise_for_status()
    tab = site.open("/pictures")
    change = tab.get_by_role("button", name="Change what is painted: a lost moon")
    expect(change).to_be_visible()
    change.click()
    expect(tab.get_by_role("img", name="1 part of it painted over")).to_be_visible()
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_label("What shall be there")).to_have_value("a lost moon")
    dialog.get_by_label("What shall be there").fill("a found moon")
    dialog.get_by_role("button", name="Draw").click()
    expect(change).to_have_count(0)
    expect(tab.get_by_role("img", name="a found moon")).to_be_visible()
    assert in_gallery(site.server)[0]["prompt"] == "a found moon"


def paint(tab: Page, begins: tuple[float, float], ends: tuple[float, float]) -> None:
    """Draw with the brush over the picture in a dialog, between parts of its sides."""
    canvas = tab.get_by_role("img", name="nothing of it painted over")
    canvas.hover()  # which waits until it stands still
    box = canvas.bounding_box()
    assert box is not None
    assert abs(box["width"] - box["height"]) < 1

    def move(x: float, y: float) -> None:
        tab.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=4)

    move(*begins)
    tab.mouse.down()
    move(*ends)
    tab.mouse.up()
    expect(tab.get_by_role("img", name="1 part of it painted over")).to_be_visible()


def changes(
    server: Server, before: dict[str, object], after: dict[str, object]
) -> set[tuple[int, int]]:
    """Where two pictures of the gallery differ."""
    folder = server.home / "pictures"
    with (
        Image.open(folder / str(before["name"])) as a,
        Image.open(folder / str(after["name"])) as b,
    ):
        assert a.size == b.size == (64, 64)
        difference = ImageChops.difference(a.convert("RGB"), b.convert("RGB"))
    return {
        (x, y) for x in range(64) for y in range(64) if difference.getpixel((x, y)) != (0, 0, 0)
    }


def test_one_s_own_picture_is_where_a_drawing_starts(site: Site) -> None:
    tab = site.open("/pictures")
    expect(tab.locator(".grid a")).not_to_have_count(0)
    before = thumbnails(tab)
    chosen = {"name": "<img src=x>.png", "mimeType": "image/png", "buffer": png(40, 24)}
    tab.locator("input.start-picture").set_input_files([chosen])  # type: ignore[list-item]
    expect(tab.get_by_alt_text("The picture to start from")).to_be_visible()
    draw(tab, "a blue square")
    drawn(tab, before)
    made = in_gallery(site.server)[0]
    assert str(made["settings"]["init_image"]).startswith("img-src-x-")  # type: ignore[index]
    broken = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
    tab.locator("input.start-picture").set_input_files([broken])  # type: ignore[list-item]
    expect(tab.get_by_text("no picture that can be read")).to_be_visible()

    tab.locator(".grid a").first.click()
    tab.get_by_role("button", name="Change…").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_label("What it shall show").fill("a yellow square")
    dialog.get_by_role("button", name="Draw").click()
    drawn(tab, before, 2)
    assert in_gallery(site.server)[0]["settings"]["init_image"] == made["name"]  # type: ignore[index]


def test_what_a_file_says_of_itself_is_only_words(site: Site) -> None:
    tab = site.open("/pictures")
    hostile = tab.locator('.grid a[href*="50%25"]')
    expect(hostile).to_be_visible()
    hostile.click()
    expect(tab.locator(".picture-facts")).to_contain_text("onerror")
    expect(tab.get_by_role("heading", level=1)).to_contain_text("<img src=")
    tab.reload()
    expect(tab.locator(".picture-facts")).to_contain_text("50% <b>&'\"? #.png")
    tab.get_by_role("button", name="Another").click()
    expect(tab.locator(".drawing .name")).to_contain_text("onerror")
    expect(tab.locator(".drawing")).to_contain_text("cannot")
    assert tab.evaluate("window.hacked") is None
    forbidden = "script, form, iframe, style, base, meta, object, embed, [onerror], [onload]"
    assert tab.locator(".pictures").locator(forbidden).count() == 0
    tab.get_by_role("button", name="Cancel").click()


def test_a_phone_shows_it_too(phone: Site) -> None:
    tab = phone.open("/pictures")
    expect(tab.locator(".grid a")).not_to_have_count(0)
    assert violations(tab) == []
    expect_to_fit(tab)
    tab.locator(".grid a").last.click()
    tab.get_by_role("button", name="Paint over…").click()
    expect(tab.get_by_role("dialog")).to_be_visible()
    assert violations(tab) == []
    expect_to_fit(tab)

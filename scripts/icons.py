"""Draws the page's icons, for phones and installed pages, from ``icon.svg``, with Chromium.

Run: ``python -m scripts.icons``, when the drawing was changed. The pictures are in the tree.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from scripts.browser import browser as found_browser

STATIC = Path(__file__).parents[1] / "src/airunner/ui/static"
ICONS = {
    "icon-192.png": (192, 1.0),
    "icon-512.png": (512, 1.0),
    "icon-maskable-512.png": (512, 0.72),
    "apple-touch-icon.png": (180, 0.86),
}
"""Each with its pixels, and how much of them the drawing takes; the rest is its ground."""


def main() -> None:
    """Draw all of them."""
    drawing = (STATIC / "icon.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found_browser(), args=["--no-sandbox"])
        for name, (pixels, part) in ICONS.items():
            page = browser.new_page(viewport={"width": pixels, "height": pixels})
            ground = "transparent" if part == 1.0 else "#2f5d50"
            size = round(pixels * part)
            page.set_content(
                f'<body style="margin:0;background:{ground};display:grid;place-items:center;'
                f'height:100vh"><div style="width:{size}px;height:{size}px;line-height:0">'
                f"{drawing}</div></body>"
            )
            taken = page.screenshot(omit_background=True)
            page.close()
            with Image.open(io.BytesIO(taken)) as picture:
                few = picture.quantize(64, method=Image.Quantize.FASTOCTREE)
                few.save(STATIC / name, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()

"""Where a browser beyond this machine gives its key, which it then sends with every request.

Whether the key is right is the guard's to say: it leads back here if it is not.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from airunner.access.guard import KEY_COOKIE, SIGN_IN

_MOST_KEY = 4096
_KEPT_S = 365 * 24 * 3600
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · AI Runner</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.6 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh;
  margin: 0; background: Canvas; color: CanvasText; }}
main {{ width: min(26rem, 90vw); }}
h1 {{ font-size: 1.5rem; }}
label {{ display: block; margin: 1rem 0 .3rem; }}
input, button {{ font: inherit; width: 100%; box-sizing: border-box; padding: .6rem .8rem; }}
button {{ margin-top: 1rem; }}
</style>
</head>
<body><main>
<h1>AI Runner</h1>
<p>{words}</p>
<form method="post" action="/sign-in">
<label for="key">Key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>
</main></body></html>"""
_ASKED = (
    "This server is for those who have a key. On its machine, "
    "<code>airunner keys add NAME --manage</code> makes one."
)
_WRONG = "<strong>This key is not known here.</strong> " + _ASKED


def add_sign_in(app: FastAPI, page: str) -> None:
    """Serve the sign-in; whoever has given a key is led to ``page``."""

    @app.get(SIGN_IN, include_in_schema=False)
    async def ask(request: Request) -> HTMLResponse:
        words = _WRONG if "wrong" in request.query_params else _ASKED
        return HTMLResponse(_PAGE.format(words=words), 401)

    @app.post(SIGN_IN, include_in_schema=False)
    async def keep(request: Request) -> RedirectResponse:
        form = parse_qs((await request.body())[: 2 * _MOST_KEY].decode("ascii", "ignore"))
        key = form.get("key", [""])[0].strip()[:_MOST_KEY]
        if not (key.isascii() and key.isprintable()):  # no key is, and no cookie can be
            return RedirectResponse(f"{SIGN_IN}?wrong", 303)
        response = RedirectResponse(page, 303)
        response.set_cookie(
            KEY_COOKIE,
            key,
            max_age=_KEPT_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

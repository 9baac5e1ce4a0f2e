"""Why something could not be fetched, in words that say what to do.

Owns what is made of a library's errors: no network, a repository whose conditions have to
be accepted, one that is not there. Looks nothing up.
"""

from __future__ import annotations

from collections.abc import Iterator

HUB = "https://huggingface.co"
_NO_NAME = (
    "name or service not known",
    "temporary failure in name resolution",
    "nodename nor servname",
    "no address associated with hostname",
    "getaddrinfo failed",
    "network is unreachable",
    "no route to host",
)
_NO_NETWORK = (
    "this machine has no connection to it. Check the network, or HTTPS_PROXY where there is a "
    "proxy; what is here already works without one"
)
_SIGN_IN = "then sign in with `hf auth login`, or set HF_TOKEN"


def fetch_problem(error: BaseException, page: str = "") -> str:
    """One line about ``error``; ``page`` is the address of the repository, if there is one."""
    chain = list(_chain(error))
    text = " ".join(str(error).split()) or connection_words(error)
    said = " ".join(str(each).lower() for each in chain)
    if any(words in said for words in _NO_NAME):
        return _NO_NETWORK
    status = next((each for each in map(_status, chain) if each), 0)
    return denied(page) if status in (401, 403) else text


def connection_words(error: BaseException) -> str:
    """What went wrong with a connection, for people; ``error`` is a library's."""
    kind = type(error).__name__
    if "Timeout" in kind:
        return "it does not answer in time"
    return "nothing answers there" if "Connect" in kind else "the connection broke off"


def missing(page: str) -> str:
    """What to do where the hub does not know a repository, or tells this user of none."""
    return f"there is no such repository at {page}, or it is private: {_SIGN_IN}"


def denied(page: str) -> str:
    """What to do where access is denied."""
    where = f"open {page}, accept its conditions" if page else "accept its repository's conditions"
    return f"access denied. If it is gated, {where}, {_SIGN_IN}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int:
    found = getattr(getattr(error, "response", None), "status_code", 0)
    return found if isinstance(found, int) else 0

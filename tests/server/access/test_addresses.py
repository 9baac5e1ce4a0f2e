"""Addresses asked in a way of which no route knows, and bodies that do not say what they are."""

from __future__ import annotations

import json

import httpx
import pytest

BROWSER = {"accept": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/healthz", "/", "/chat", "/v1/models", "/api/tags", "/metrics"])
def test_head_is_answered_as_get_without_a_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_head_of_a_stream_ends(client: httpx.Client) -> None:
    head = client.head("/api/v1/events", timeout=300)
    assert head.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/healthz", "GET, HEAD"),
        ("DELETE", "/chat", "GET, HEAD"),
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/models", "GET, HEAD"),
        ("HEAD", "/v1/messages", "POST"),
        ("GET", "/api/chat", "POST"),
        ("GET", "/models/load", "POST"),
        ("PATCH", "/api/v1/status", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("headers", [{}, BROWSER])
def test_another_method_is_told_what_is_served(
    client: httpx.Client, method: str, path: str, allowed: str, headers: dict[str, str]
) -> None:
    response = client.request(method, path, headers=headers)
    assert response.status_code == 405
    assert set(allowed.split(", ")) <= set(response.headers["allow"].split(", "))
    if method != "HEAD":
        assert "is not served here" in json.dumps(response.json()["error"])


@pytest.mark.parametrize("path", ["/v1/nosuch", "/api/nosuch", "/api/v1/nosuch"])
def test_an_unknown_address_of_an_api_is_told_in_its_form(client: httpx.Client, path: str) -> None:
    response = client.get(path, headers=BROWSER)
    assert response.status_code == 404
    assert "is not served here" in json.dumps(response.json()["error"])


def test_an_unknown_address_is_a_page_for_browsers_alone(client: httpx.Client) -> None:
    assert client.get("/nosuch").json()["error"]["code"] == "not_found"
    assert client.post("/nosuch", headers=BROWSER).json()["error"]["code"] == "not_found"
    page = client.get("/nosuch", headers=BROWSER)
    assert page.status_code == 404
    assert "Nothing is at this address." in page.text
    assert "Go to the chat" in page.text
    assert "content-security-policy" in page.headers


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("path", ["/api/generate", "/v1/chat/completions", "/api/v1/load"])
def test_a_body_that_does_not_say_what_it_is_is_json(
    client: httpx.Client, path: str, kind: str
) -> None:
    body = {"model": "nobody/nothing", "messages": [{"role": "user", "content": "Hello."}]}
    headers = {"content-type": kind} if kind else {}
    response = client.post(path, content=json.dumps(body | {"prompt": "x"}), headers=headers)
    assert response.status_code == 404
    assert "nobody/nothing" in json.dumps(response.json()["error"])


def test_a_page_of_another_origin_sends_no_form(client: httpx.Client) -> None:
    headers = {"origin": "https://other.example", "content-type": "text/plain"}
    response = client.post("/api/generate", content="{}", headers=headers)
    assert response.status_code == 403


def test_what_is_no_json_is_told_with_its_place(client: httpx.Client) -> None:
    error = client.post("/v1/chat/completions", content="{bad").json()["error"]
    assert "not JSON, at character 1" in error["message"]
    assert (error["code"], error["param"]) == ("invalid_json", None)


def test_no_number_is_not_told_to_be_smaller(client: httpx.Client) -> None:
    text = '{"model": "x", "messages": [{"role": "user", "content": "a"}], "temperature": NaN}'
    error = client.post("/v1/chat/completions", content=text).json()["error"]
    assert error["message"] == "temperature: Input should be a finite number"


def test_every_operation_has_an_id_of_its_own(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]
    ids = [each["operationId"] for path in described.values() for each in path.values()]
    assert len(ids) == len(set(ids))

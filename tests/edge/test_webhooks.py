"""A caller of the REST API orders with its token, and gets the result at its webhook, with a signature to check."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from aforo.domain.delivery import ResultMessage
from aforo.domain.identifiers import OrderId
from aforo.flow.webhook import webhook_body, webhook_headers
from aforo.simulator.town_plan import MeterPlan, TownPlan
from cases import WEDNESDAY
from edge.live_system import WAIT_S, Scene, live_scene

KEY, SECRET = "an-api-key-of-some-length", b"a secret of some length"
CALLERS = f"""
[[caller]]
name = "shop"
sources = ["SHOP"]
token_sha256 = ["{hashlib.sha256(KEY.encode()).hexdigest()}"]
scopes = ["orders:write", "orders:read"]
special = true
webhook_secret_file = "shop.secret"

[[caller]]
name = "bare"
sources = ["BARE"]
token_sha256 = ["{hashlib.sha256(b"another-key-of-some-length").hexdigest()}"]
scopes = ["orders:write"]
"""


class Receiver:
    """Refuses the first of everything, so that it comes twice. came: headers and body of each."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.came.append(({name.lower(): text for name, text in self.headers.items()}, body))
                self.send_response(503 if len(receiver.came) == 1 else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
                """A test says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/results"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    (tmp_path / "shop.secret").write_bytes(SECRET)
    (tmp_path / "callers.toml").write_text(CALLERS)
    monkeypatch.setenv("AFORO_CALLERS", str(tmp_path / "callers.toml"))
    async with live_scene(tmp_path / "data", TownPlan(name="one", meter=(MeterPlan(number="301"),))) as scene:
        yield scene


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    """As the text of Standard Webhooks says it is to be checked."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(headers["webhook-signature"], f"v1,{wanted}")


async def test_a_result_comes_signed_and_again_under_the_same_id_until_it_is_taken(
    scene: Scene, receiver: Receiver
) -> None:
    order = {"kind": "LIMIT", "source": "SHOP", "meter": "301", "limit_w": 2500, "special": "test"}
    headers = {"authorization": f"Bearer {KEY}", "idempotency-key": "k-1"}
    async with httpx.AsyncClient(base_url=f"{scene.system.url}/api/v1", headers=headers, trust_env=False) as client:
        given = await client.post("/orders", json={**order, "webhook": receiver.address})
        async with asyncio.timeout(WAIT_S):
            while len(receiver.came) < 2:  # noqa: ASYNC110 (it comes by itself)
                await asyncio.sleep(0.05)
        forbidden = await client.get("/audit/seals")

    assert (given.status_code, forbidden.status_code) == (202, 403)
    assert all(is_signed(*one) for one in receiver.came)
    (first, body), (second, same) = receiver.came
    assert (first["webhook-id"], body) == (second["webhook-id"], same)
    assert first["content-type"] == "application/cloudevents+json"
    event = json.loads(body)
    assert (event["subject"], event["data"]["state"]) == (given.json()["number"], "VERIFIED")
    assert [one["code"] for one in event["data"]["events"]] == ["3.15.261.24"]


async def test_who_has_no_secret_has_no_webhook(scene: Scene, receiver: Receiver) -> None:
    order = {"kind": "READ", "source": "BARE", "meter": "301", "webhook": receiver.address}
    headers = {"authorization": "Bearer another-key-of-some-length", "idempotency-key": "k-1"}
    async with httpx.AsyncClient(base_url=f"{scene.system.url}/api/v1", headers=headers, trust_env=False) as client:
        refused = await client.post("/orders", json=order)

    assert (refused.status_code, "no secret" in refused.json()["detail"]) == (409, True)


def test_the_signature_is_the_one_that_openssl_computes() -> None:
    message = ResultMessage("7-1", OrderId(7), {"id": "7-1"})
    body = webhook_body(message)
    headers = webhook_headers(message, body, SECRET, WEDNESDAY)

    assert (body, headers["webhook-timestamp"]) == (b'{"id":"7-1"}', "1795618800")
    assert headers["webhook-signature"] == "v1,vj7pnpXWx07opxqx2S34k9mBH4E0e+NJrDFwlx0gSEI="

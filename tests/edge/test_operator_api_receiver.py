"""The receiver of final answers on a real socket: only the right path, only so much, always an acknowledgement."""

import http.client
from collections.abc import Iterator

import pytest

from aforo.adapters import reply_receiver
from aforo.adapters.reply_receiver import BODY_MAX, NotTheAnswer, ReplyReceiver

SECRET = "4f1c"


@pytest.fixture
def received() -> list[bytes]:
    return []


@pytest.fixture
def receiver(received: list[bytes]) -> Iterator[ReplyReceiver]:
    def take(body: bytes) -> bytes:
        if body == b"another":
            raise NotTheAnswer("this answers another message")
        received.append(body)
        return b"<acknowledged/>"

    with ReplyReceiver(SECRET, take) as one:
        yield one


def post(receiver: ReplyReceiver, body: bytes, *, path: str = f"/{SECRET}", **headers: str) -> tuple[int, bytes]:
    host, port = receiver.address.split("/")[2].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        connection.request("POST", path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_listens_on_loopback_below_the_ports_of_clients(receiver: ReplyReceiver) -> None:
    host, port = receiver.address.split("/")[2].split(":")

    assert host == "127.0.0.1"
    assert int(port) < 32_768
    assert receiver.address.endswith(f"/{SECRET}")


def test_two_at_a_time_have_different_ports(receiver: ReplyReceiver) -> None:
    with ReplyReceiver(SECRET, lambda body: body) as other:
        assert other.address != receiver.address


def test_an_answer_is_taken_and_acknowledged(receiver: ReplyReceiver, received: list[bytes]) -> None:
    assert post(receiver, b"<answer/>") == (200, b"<acknowledged/>")
    assert received == [b"<answer/>"]


def test_what_is_not_the_answer_is_refused_with_the_reason(receiver: ReplyReceiver, received: list[bytes]) -> None:
    assert post(receiver, b"another") == (400, b"this answers another message")
    assert received == []


def test_another_path_is_not_there(receiver: ReplyReceiver, received: list[bytes]) -> None:
    assert post(receiver, b"<answer/>", path="/")[0] == 404
    assert received == []


@pytest.mark.parametrize("length", [str(BODY_MAX + 1), "9" * 4000])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(receiver: ReplyReceiver, length: str) -> None:
    assert post(receiver, b"", Content_Length=length)[0] == 413


@pytest.mark.parametrize("length", ["", "-1", "many", "٣"])
def test_a_body_without_a_length_is_refused(receiver: ReplyReceiver, length: str) -> None:
    assert post(receiver, b"", Content_Length=length.encode().decode("latin-1"))[0] == 411


def test_nothing_else_than_post_is_understood(receiver: ReplyReceiver) -> None:
    host, port = receiver.address.split("/")[2].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", f"/{SECRET}")

    assert connection.getresponse().status == 501
    connection.close()


def test_without_a_free_port_it_says_so(receiver: ReplyReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = int(receiver.address.split("/")[2].split(":")[1])
    monkeypatch.setattr(reply_receiver, "ports_to_try", lambda: iter([taken]))

    with pytest.raises(reply_receiver.NoFreePort):
        ReplyReceiver(SECRET, lambda body: body)

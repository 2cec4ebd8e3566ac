"""The callers' file, and the gatekeeper: who is known, by what, how often, and what is written down of who is not."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aforo.adapters.callers_file import load_callers
from aforo.adapters.gatekeeper import (
    FAILURES_MAX,
    TLS_EXTENSION,
    TOKEN_LIFE,
    Gatekeeper,
    Nonces,
    NotAdmitted,
    SecurityEvent,
    WeakToken,
    check_source,
)
from aforo.cim.message import Header
from aforo.cim.refusal import CimError
from aforo.cim.username_token import DIGEST, WSSE, WSU, UsernameToken, digest_of, read_username_token
from aforo.cim.xml_reading import parse
from aforo.domain.callers import BadCallers, Caller, Callers, Scope

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PASSWORD = b"a password of some length"
OPERATOR = "the-token-of-the-operator"
KEY = "an-api-key-of-some-length"
CIS = Caller(
    name="cis",
    sources=frozenset({"CIS"}),
    username="cis",
    password=PASSWORD,
    tokens=frozenset({sha256(KEY.encode()).hexdigest()}),
    certificates=frozenset({"ab" * 32}),
    scopes=frozenset({Scope.READ}),
    requests_per_s=2,
    concurrent=2,
)


class Scene:
    def __init__(self, callers: Callers | None = None) -> None:
        self.now = NOW
        self.events: list[SecurityEvent] = []
        known = Callers([CIS]) if callers is None else callers
        self.gate = Gatekeeper(known, operator=OPERATOR, now=lambda: self.now, note=self.events.append)

    def refused(self, *given: Any) -> NotAdmitted:
        with pytest.raises(NotAdmitted) as out:
            self.gate.identify(*given)
        return out.value


def scope(*, token: str = "", certificate: str = "", peer: str = "192.0.2.7") -> dict[str, Any]:
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    tls = {TLS_EXTENSION: {"client_certificate_sha256": certificate}} if certificate else {}
    return {"type": "http", "headers": headers, "client": (peer, 1), "extensions": tls}


def token(
    username: str = "cis", password: bytes = PASSWORD, *, nonce: bytes = b"12345678", at: datetime = NOW
) -> Callable[[], UsernameToken]:
    created = at.isoformat()
    return lambda: UsernameToken(username, digest_of(nonce, created, password), nonce, created, at)


def test_a_caller_is_known_by_certificate_token_or_password() -> None:
    gate = Scene().gate

    assert gate.identify(scope(certificate="ab" * 32)) == CIS
    assert gate.identify(scope(token=KEY)) == CIS
    assert gate.identify(scope(), token()) == CIS
    assert gate.identify(scope(token=OPERATOR)) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((scope(),), "7.2"),
        ((scope(certificate="cd" * 32),), "7.2"),
        ((scope(token="another-key-of-some-length"), token()), "7.4"),
        ((scope(), token("crm")), "7.4"),
        ((scope(), token(password=b"another password, as long")), "7.4"),
        ((scope(), token(at=NOW - TOKEN_LIFE - timedelta(seconds=1))), "7.4"),
        ((scope(), token(at=NOW + TOKEN_LIFE + timedelta(seconds=1))), "7.4"),
    ],
)
def test_who_is_not_known_is_told_so_and_written_down_without_any_secret(given: tuple[Any, ...], code: str) -> None:
    here = Scene()

    out = here.refused(*given)

    assert (out.status, out.refusal.code) == (401, code)
    assert [(event.kind, event.peer) for event in here.events] == [("not authenticated", "192.0.2.7")]
    assert KEY not in repr(here.events)
    assert PASSWORD.decode() not in repr(here.events)


def test_a_nonce_is_taken_once_also_when_its_token_is_still_young() -> None:
    here = Scene()
    here.gate.identify(scope(), token())
    here.now += TOKEN_LIFE

    assert here.refused(scope(), token()).refusal.code == "7.4"
    assert here.gate.identify(scope(), token(nonce=b"87654321", at=here.now)) == CIS


def test_a_full_memory_of_nonces_refuses_rather_than_forgets_and_has_room_again_later() -> None:
    nonces = Nonces(most=2)

    taken = [nonces.take("cis", bytes([number]), NOW) for number in range(3)]

    assert taken == [True, True, False]
    assert not nonces.take("cis", b"\0", NOW + TOKEN_LIFE)
    assert nonces.take("cis", b"\x03", NOW + 2 * TOKEN_LIFE + timedelta(seconds=1))


def test_an_address_that_guesses_is_kept_waiting_also_with_the_right_password() -> None:
    here = Scene()
    for number in range(FAILURES_MAX):
        assert here.refused(scope(), token(password=b"guess %d of a password" % number)).status == 401

    assert here.refused(scope(), token()).status == 429
    assert here.gate.identify(scope(peer="192.0.2.8"), token()) == CIS
    here.now += timedelta(seconds=5)
    assert here.gate.identify(scope(), token(nonce=b"another nonce", at=here.now)) == CIS


def test_a_caller_asks_no_more_at_a_time_and_no_more_often_than_it_may() -> None:
    here = Scene()
    with here.gate.room_for(CIS, ""), here.gate.room_for(CIS, ""):
        with pytest.raises(NotAdmitted) as out, here.gate.room_for(CIS, ""):
            raise AssertionError("there is room")
        here.now += timedelta(seconds=10)
        with pytest.raises(NotAdmitted), here.gate.room_for(CIS, ""):
            raise AssertionError("there is room")
    with here.gate.room_for(CIS, ""), here.gate.room_for(None, ""):
        pass

    assert (out.value.status, out.value.refusal.code) == (429, "5.1")
    assert {event.kind for event in here.events} == {"over its limit"}


def test_an_error_gives_the_room_back() -> None:
    here = Scene()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), here.gate.room_for(CIS, ""):
            _ = 1 / 0
    here.now += timedelta(seconds=1)

    with here.gate.room_for(CIS, ""):
        pass


def test_without_callers_the_soap_door_stands_open_and_the_api_does_not() -> None:
    gate = Gatekeeper(None, operator=OPERATOR, now=lambda: NOW)

    assert gate.identify(scope()) is None
    with pytest.raises(NotAdmitted):
        gate.identify_strictly(scope())
    with pytest.raises(WeakToken):
        Gatekeeper(None, operator="short", now=lambda: NOW)


def test_a_caller_speaks_for_its_own_sources_only() -> None:
    check_source(CIS, "CIS", "/x")
    check_source(None, "anybody", "/x")
    with pytest.raises(CimError, match=r"7\.5"):
        check_source(CIS, "CRM", "/x")


ENVELOPE = f"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>
<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}"><w:UsernameToken><w:Username>cis</w:Username>
<w:Password Type="{DIGEST}">%s</w:Password><w:Nonce>%s</w:Nonce><u:Created>%s</u:Created>
</w:UsernameToken></w:Security></s:Header><s:Body/></s:Envelope>"""


def test_a_username_token_is_read_as_the_profile_of_oasis_writes_it() -> None:
    """The digest was computed with openssl after the text of the profile: Base64(SHA-1(nonce + created + password))."""
    digest = "Bpm3TyWJJDWTx37F5yqpezLZbQ4="
    octets = ENVELOPE % (digest, base64.b64encode(b"0123456789abcdef").decode(), "2026-11-26T12:00:00Z")

    read = read_username_token(parse(octets.encode()))

    assert read is not None
    assert (read.username, read.nonce, read.created) == ("cis", b"0123456789abcdef", NOW)
    assert read.has_password(b"a password of some length")
    assert not read.has_password(b"another")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DIGEST, "#PasswordText"),
        ("UsernameToken", "BinarySecurityToken"),
        ("2026-11-26T12:00:00Z", "today"),
        ("2026-11-26T12:00:00Z", "0001-01-01T00:00:00+14:00"),
        ("MDEyMzQ1Njc4OQ==", "MDE="),
        ("MDEyMzQ1Njc4OQ==", "*"),
    ],
)
def test_a_security_header_that_cannot_be_checked_is_refused(old: str, new: str) -> None:
    octets = (ENVELOPE % ("AAAA", "MDEyMzQ1Njc4OQ==", "2026-11-26T12:00:00Z")).replace(old, new)
    here = Scene()

    out = here.refused(scope(), lambda: read_username_token(parse(octets.encode())))

    assert (out.status, out.refusal.code) == (401, "7.4")


FILE = """
[[caller]]
name = "cis"
sources = ["CIS", "CRM"]
dialect = "generic"
language = "en"
certificate_sha256 = ["AB:REST"]
username = "cis"
password_file = "cis.password"
webhook_secret_file = "cis.password"
token_sha256 = ["TOKEN"]
scopes = ["orders:read"]
kinds = ["LIMIT"]
meters = ["203*"]
priorities = ["normal"]
replies = ["https://cis.example/answers"]
usual_reply = "https://cis.example/answers/final"
requests_per_s = 20
concurrent = 5
""".replace("REST", ":".join(["ab"] * 31)).replace("TOKEN", "cd" * 32)


def test_the_callers_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "cis.password").write_bytes(PASSWORD + b"\n")
    (tmp_path / "callers.toml").write_text(FILE)

    (caller,) = load_callers(tmp_path / "callers.toml").all

    assert caller == Caller(
        name="cis",
        sources=frozenset({"CIS", "CRM"}),
        dialect="generic",
        language="en",
        certificates=frozenset({"ab" * 32}),
        username="cis",
        password=PASSWORD,
        tokens=frozenset({"cd" * 32}),
        scopes=frozenset({Scope.READ}),
        kinds=frozenset({"LIMIT"}),
        meters=("203*",),
        priorities=frozenset({"normal"}),
        replies=("https://cis.example/answers",),
        usual_reply="https://cis.example/answers/final",
        webhook_secret=PASSWORD,
        requests_per_s=20,
        concurrent=5,
    )
    assert PASSWORD.decode() not in repr(caller)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "cis"', 'nam = "cis"', "name"),
        ('kinds = ["LIMIT"]', 'kinds = ["LIMITS"]', "LIMITS"),
        ('scopes = ["orders:read"]', 'scopes = ["all"]', "scopes"),
        ("requests_per_s = 20", "requests_per_s = 0", "requests_per_s"),
        ('https://cis.example/answers"]', 'ftp://cis.example"]', "replies"),
        ("[[caller]]", "[[callers]]", "callers"),
        ("cis.password", "none.password", "none.password cannot be read"),
        ("[[caller]]", "[[caller", "callers.toml"),
    ],
)
def test_a_callers_file_that_cannot_be_says_why(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "cis.password").write_bytes(PASSWORD)
    (tmp_path / "callers.toml").write_text(FILE.replace(old, new))

    with pytest.raises(BadCallers, match=told):
        load_callers(tmp_path / "callers.toml")


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cis.password").write_bytes(b"secret")
    (tmp_path / "callers.toml").write_text(FILE)

    with pytest.raises(BadCallers, match="16 octets"):
        load_callers(tmp_path / "callers.toml")


@pytest.mark.parametrize("field", ["name", "sources", "certificates", "username", "tokens"])
def test_two_callers_that_cannot_be_told_apart_are_refused(field: str) -> None:
    other = Caller(name="crm", username="crm", password=PASSWORD)

    with pytest.raises(BadCallers, match="the same"):
        Callers([CIS, replace(other, **{field: getattr(CIS, field)})])


def a_header(**changes: str) -> Header:
    told = {"message_id": "m-1", "nonce": "n-1", "created": "2026-11-26T12:00:00Z", **changes}
    return Header(verb="create", noun="EndDeviceControls", source="CIS", **told)  # type: ignore[arg-type]


def test_replay_detection_lets_the_same_message_come_again_and_no_other_with_its_nonce() -> None:
    gate = Scene().gate
    for header in (a_header(), a_header(), a_header(nonce="n-2"), a_header(nonce="", created="")):
        gate.check_replay(header, "/x")

    with pytest.raises(CimError, match=r"7\.4.*/x/Nonce"):
        gate.check_replay(a_header(message_id="m-2"), "/x")


@pytest.mark.parametrize("created", ["2026-11-26T11:54:59Z", "2026-11-26T12:05:01Z", "soon", ""])
def test_replay_detection_wants_a_message_of_these_minutes(created: str) -> None:
    with pytest.raises(CimError, match=r"7\.4.*/x/Created"):
        Scene().gate.check_replay(a_header(created=created), "/x")


def test_nonces_of_messages_are_forgotten_when_they_are_too_old_to_be_taken_anyway() -> None:
    here = Scene()
    here.gate.check_replay(a_header(), "/x")
    here.now += 2 * TOKEN_LIFE + timedelta(seconds=1)
    later = here.now.isoformat()

    here.gate.check_replay(a_header(nonce="n-2", created=later), "/x")

    here.gate.check_replay(a_header(message_id="m-2", created=later), "/x")


def test_a_user_name_without_a_password_is_no_way_in() -> None:
    here = Scene(Callers([replace(CIS, password=b"")]))

    assert here.refused(scope(), token(password=b"")).refusal.code == "7.4"
    assert here.gate.identify(scope(token=KEY)).name == "cis"  # type: ignore[union-attr]  # it is let in, or raises


def test_a_caller_that_nothing_tells_from_others_is_refused() -> None:
    with pytest.raises(BadCallers, match="by no certificate"):
        Callers([Caller(name="crm", username="crm")])

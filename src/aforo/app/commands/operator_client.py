"""A command's line to the running system: its operator API and its SOAP door, over HTTP."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from aforo.adapters.operator_documents import PREFIX
from aforo.app.commands.options import folder
from aforo.app.console_output import CommandFailed, WrongUsage, language
from aforo.app.running_system import running_in

WAIT_S_MAX = 30.0
IMPORT_WAIT_S_MAX = 300.0
"""100,000 meters take some 15 s on two cores."""

SOAP_PATH = "/soap/EndDeviceControls"


class SystemAway(CommandFailed):
    """Nobody listens there, or no answer came: whoever waits may ask again.

    nothing_arrived: the request certainly did not arrive, so it had no effect.
    """

    def __init__(self, words: str, *, nothing_arrived: bool = False) -> None:
        super().__init__(words)
        self.nothing_arrived = nothing_arrived


class NotFound(CommandFailed):
    """The system has no such thing."""


class RowsRefused(CommandFailed):
    """errors: row (from 1), column, es, en of each; total counts also those that were not listed."""

    def __init__(self, errors: list[dict[str, Any]], total: int) -> None:
        super().__init__("nothing was imported: there are rows with errors")
        self.errors = errors
        self.total = total


_KINDS: dict[int, type[CommandFailed]] = {
    httpx.codes.NOT_FOUND: NotFound,
    httpx.codes.SERVICE_UNAVAILABLE: SystemAway,
}


@dataclass(frozen=True, slots=True)
class Target:
    """where: for messages.   token: empty when none is known."""

    url: str
    where: str
    token: str = field(repr=False)


def locate(data: Path | None, url: str | None) -> Target:
    """The system that a command is meant for. Raises SystemAway, WrongUsage."""
    token = os.environ.get("AFORO_TOKEN", "")
    running = running_in(folder(data))
    if url is None:
        if running is None:
            raise SystemAway(
                "no aforo runs here: start it with `aforo up`, or name one with --url", nothing_arrived=True
            )
        return Target(running.url, "here", token or running.token)
    url = url.rstrip("/")
    if not _is_address(url):
        raise WrongUsage(f"--url is an address such as http://127.0.0.1:8080, not {url!r}")
    if running is not None and running.url == url:
        token = token or running.token
    return Target(url, f"at {url}", token)


def _is_address(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not url.query and not url.fragment


class OperatorClient:
    """Use it as a context manager. Every call raises CommandFailed with a sentence for the user."""

    def __init__(self, target: Target) -> None:
        self._where = target.where
        headers = {"accept-language": language()}
        if target.token:
            headers["authorization"] = f"Bearer {target.token}"
        try:
            self._client = httpx.Client(
                base_url=target.url, headers=headers, timeout=WAIT_S_MAX, trust_env=False, verify=_trust(target.url)
            )
        except UnicodeEncodeError:
            raise WrongUsage("AFORO_TOKEN holds characters that a token cannot have") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, *path: str, **query: Any) -> dict[str, Any]:
        """query: without those that are None."""
        address = "/".join((PREFIX, *(quote(part, safe="") for part in path)))
        given = {name: value for name, value in query.items() if value is not None}
        return _document(self._ask("GET", address, params=given))

    def post(self, path: str, document: Any) -> dict[str, Any]:
        return _document(self._ask("POST", f"{PREFIX}/{path}", json=document, timeout=IMPORT_WAIT_S_MAX))

    def order(self, envelope: bytes) -> bytes:
        """What the SOAP door answers, a fault included."""
        headers = {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}
        response = self._ask("POST", SOAP_PATH, content=envelope, headers=headers)
        if not response.content or "xml" not in response.headers.get("content-type", ""):
            raise CommandFailed(f"what answers {self._where} is not aforo's SOAP door (HTTP {response.status_code})")
        return response.content

    def _ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **rest)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                words = f"the certificate of the aforo {self._where} is not trusted: name its issuer with AFORO_CA"
                raise CommandFailed(words) from None
            words = f"no aforo runs {self._where}: start it with `aforo up`, or name another one with --url"
            raise SystemAway(words, nothing_arrived=True) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SystemAway(f"the aforo {self._where} gave no answer ({type(error).__name__})") from None


def _trust(url: str) -> ssl.SSLContext | bool:
    """AFORO_CA: who has issued the system's certificate; else whom the machine trusts. Raises WrongUsage."""
    authority = os.environ.get("AFORO_CA", "")
    if not authority or not url.startswith("https:"):
        return True
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as wrong:
        raise WrongUsage(f"AFORO_CA names no certificates in PEM: {wrong.strerror or wrong}") from None


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise CommandFailed(f"what answers there is not aforo (HTTP {response.status_code})")
    if response.is_success:
        return document
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise CommandFailed(
            "the token is missing or not this system's: set AFORO_TOKEN, or name its folder with --data"
        )
    if "errors" in document:
        raise RowsRefused(document["errors"], document.get("total", len(document["errors"])))
    words = str(document.get("detail_es" if language() == "es" else "detail", f"HTTP {response.status_code}"))
    raise _KINDS.get(response.status_code, CommandFailed)(words)

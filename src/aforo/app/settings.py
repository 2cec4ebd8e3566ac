"""What an operator may set, by environment variables that begin with AFORO_; every one has a default."""

from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from aforo.adapters.calendar_files import load_calendar
from aforo.adapters.callers_file import load_callers
from aforo.adapters.legacy_door import ReplyAddresses, is_loopback
from aforo.adapters.queues import check_url
from aforo.app.http_server import Tls
from aforo.cim.dialect import Dialects, with_folder
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.keys import SystemTitle
from aforo.domain.callers import Caller, Callers
from aforo.domain.deadlines import URGENT, Deadlines
from aforo.domain.order import Priority
from aforo.domain.order_kinds import KINDS
from aforo.domain.retry_plan import RetryPlan
from aforo.domain.service_calendar import ServiceCalendar
from aforo.flow.order_asked import CallerRules

LOOPBACK = "127.0.0.1"
LOCAL_SOURCES = frozenset({"aforo-cli", "bench", "demo-cis"})
"""Sources of the commands that come with the product."""

Permission = Literal["limits:special"]


class Settings(BaseSettings):
    """Read from the environment; each description also stands in docs/reference/configuration.md."""

    model_config = SettingsConfigDict(env_prefix="AFORO_", env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        default=SecretStr(""), description="An external PostgreSQL; empty means the embedded one in the data folder."
    )
    host: str = Field(
        default=LOOPBACK,
        description="Address to listen on. Beyond loopback only with AFORO_CALLERS: who may.",
    )
    callers: Path | None = Field(
        default=None, description="The callers' file; without one, everybody on this machine may order. See callers.md."
    )
    oauth_jwks: Path | None = Field(
        default=None, description="Key set (JWKS, a JSON file) of the OAuth 2 or OpenID provider of access tokens."
    )
    oauth_issuer: str = Field(default="", description="Who issues them: claim iss.")
    oauth_audience: str = Field(default="", description="For whom they are: claim aud.")
    tls_certificate: Path | None = Field(default=None, description="In PEM, with its chain; with it the door is HTTPS.")
    tls_key: Path | None = Field(default=None, description="Its private key, in PEM.")
    tls_client_ca: Path | None = Field(
        default=None, description="Issuers of callers' certificates, in PEM; without, none is asked for."
    )
    security_log: Path | None = Field(
        default=None, description="File for what was refused at the doors, a line of JSON each; else standard error."
    )
    token: SecretStr = Field(
        default=SecretStr(""),
        description="Of the operator API, 16 characters or more; empty makes a new one at every start.",
    )
    kek: SecretStr = Field(
        default=SecretStr(""),
        description="Key-encryption key, 64 hexadecimal digits; empty means a file in the data folder.",
    )
    system_title: str = Field(
        default="41464F0000000001", description="Our own system title towards devices, 16 hexadecimal digits."
    )
    retry_plan: str = Field(
        default="",
        description=(
            "Seconds before the second, third, ... attempt, with commas; empty means 20,120,3600,14400, and "
            "the rests of causes.md."
        ),
    )
    deadline_s: Annotated[float, Field(gt=0, le=2_592_000)] = Field(
        default=86_400.0,
        description="How long an order waits for a concentrator that is away, from its validation, in seconds.",
    )
    deadlines_s: dict[str, Annotated[float, Field(gt=0, le=2_592_000)]] = Field(
        default_factory=dict,
        description=(
            "The same for some: a JSON object by kind (LIMIT, LIMIT_REMOVE, DISCONNECT, RECONNECT), and for `urgent`; "
            "the shorter one holds. Three quarters of it later a warning is on record, after nine tenths an escalation."
        ),
    )
    clock_deviation_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=60.0,
        description="A concentrator whose clock is further off, in seconds, gets no order that must not begin late.",
    )
    answer_wait_s: Annotated[float, Field(gt=0, le=600)] = Field(
        default=20.0, description="Until a device's silence is certain, in seconds."
    )
    window: Annotated[int, Field(ge=1, le=2000)] = Field(
        default=256,
        description="Orders handed to one concentrator and not yet answered, at most: about a minute's work of it.",
    )
    reply_addresses: dict[str, str] = Field(
        default_factory=dict,
        description="Where answers go when an order names no ReplyAddress: a JSON object, by Source.",
    )
    allowed_replies: tuple[str, ...] = Field(
        default=(), description="Addresses that answers may go to: a JSON list of prefixes; loopback always may."
    )
    permissions: dict[str, frozenset[Permission]] = Field(
        default_factory=dict,
        description=(
            "What a Source may do beyond ordering: a JSON object of lists. limits:special: orders outside the service "
            "window. The local operator's own commands may, with the embedded database."
        ),
    )
    queue_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "The result queue between head-end and integration: amqp://, amqps:// (RabbitMQ) or nats://, tls:// (NATS "
            "JetStream); empty means the embedded one."
        ),
    )
    leases_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "By what several processes agree who serves which concentrator, the same for all: nats:// or tls:// "
            "(NATS JetStream); empty means the database."
        ),
    )
    stores_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Over what processes that do not reach the database's network reach its stores: nats:// or tls:// (NATS). "
            "A process with AFORO_DATABASE_URL serves them there; `aforo headend` without it uses them, and needs "
            "AFORO_LEASES_URL. All have the same AFORO_KEK, by which they know each other. Empty: nowhere."
        ),
    )
    log_facts: bool = Field(
        default=False, description="Every fact as a line of JSON on standard error, for a log that is searched."
    )
    otlp_url: str = Field(
        default="",
        pattern=r"^(|https?://[^\s/@]+(/[^\s@]*)?)$",
        description=(
            "An OpenTelemetry collector (OTLP over HTTP, JSON), such as http://127.0.0.1:4318: a trace of each order, "
            "of all processes together, told apart from other installations' by AFORO_SYSTEM_TITLE, and linked to its "
            "sender's when that sends traceparent (W3C Trace Context). Empty: none."
        ),
    )
    time_zone: str = Field(default="America/Santiago", description="Of moments that an order tells without an offset.")
    models: Path | None = Field(default=None, description="A folder with meter model files of your own.")
    dialects: Path | None = Field(default=None, description="A folder with dialect files of your own; see dialects.md.")
    calendar: Path | None = Field(
        default=None,
        description="A CSV file (date,rule,name) of days that are closed or open whatever the law says.",
    )
    service_opens: time = Field(
        default=time(8), description="From when restrictive orders may run, by the clock where the meter stands."
    )
    service_closes: time = Field(default=time(18), description="Until when, not included.")

    @field_validator("system_title")
    @classmethod
    def _is_title(cls, text: str) -> str:
        try:
            return str(SystemTitle.from_hex(text))
        except LocalProtocolError as wrong:
            raise ValueError(str(wrong)) from wrong

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, text: str) -> str:
        try:
            return ZoneInfo(text).key
        except (ZoneInfoNotFoundError, ValueError) as wrong:
            raise ValueError(f"{text!r} is no time zone; write one such as America/Santiago") from wrong

    @field_validator("retry_plan")
    @classmethod
    def _is_plan(cls, text: str) -> str:
        RetryPlan.parse(text)
        return text

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: SecretStr) -> SecretStr:
        text = token.get_secret_value()
        if text and not (16 <= len(text) <= 256 and text.isascii() and text.isprintable() and " " not in text):
            raise ValueError("a token has 16 to 256 visible ASCII characters")
        return token

    @field_validator("queue_url")
    @classmethod
    def _is_queue(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value():
            check_url(url.get_secret_value())
        return url

    @field_validator("leases_url", "stores_url")
    @classmethod
    def _is_nats(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(("nats://", "tls://")):
            raise ValueError("it begins with nats:// or tls://")
        return url

    @field_validator("allowed_replies")
    @classmethod
    def _are_addresses(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        ReplyAddresses(prefixes)
        return prefixes

    @cached_property
    def known_dialects(self) -> Dialects:
        """Raises BadDialect, a ValueError."""
        return with_folder(self.dialects)

    @model_validator(mode="after")
    def _are_dialects(self) -> "Settings":
        _ = self.known_dialects
        return self

    @model_validator(mode="after")
    def _is_calendar(self) -> "Settings":
        _ = self.service_calendar
        return self

    @field_validator("deadlines_s")
    @classmethod
    def _are_kinds(cls, given: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(given) - set(KINDS) - {URGENT})
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: deadlines are by kind ({', '.join(KINDS)}) or for {URGENT}")
        return given

    @field_validator("models", "dialects")
    @classmethod
    def _is_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("there is no such folder")
        return folder

    @field_validator("callers", "oauth_jwks", "tls_certificate", "tls_key", "tls_client_ca")
    @classmethod
    def _is_file(cls, file: Path | None) -> Path | None:
        if file is not None and not file.is_file():
            raise ValueError("there is no such file")
        return file

    @model_validator(mode="after")
    def _are_doors(self) -> "Settings":
        """Raises ValueError, of which BadCallers is one."""
        if self.known_callers is None and not is_loopback(self.host):
            raise ValueError("AFORO_HOST is beyond loopback, so AFORO_CALLERS must say who may call")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("AFORO_TLS_CERTIFICATE and AFORO_TLS_KEY go together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("AFORO_TLS_CLIENT_CA needs AFORO_TLS_CERTIFICATE")
        if self.oauth_jwks is not None and not (self.oauth_issuer and self.oauth_audience):
            raise ValueError("AFORO_OAUTH_JWKS needs AFORO_OAUTH_ISSUER and AFORO_OAUTH_AUDIENCE")
        unknown = {one.dialect for one in self.known_callers.all if one.dialect} if self.known_callers else set()
        unknown -= set(self.known_dialects.by_name)
        if unknown:
            raise ValueError(f"AFORO_CALLERS: there is no dialect {', '.join(sorted(unknown))}")
        return self

    @cached_property
    def known_callers(self) -> Callers | None:
        """None: the doors stand open. Raises BadCallers, a ValueError."""
        try:
            return None if self.callers is None else load_callers(self.callers)
        except OSError as wrong:
            raise ValueError(f"the callers' file cannot be read: {wrong.strerror}") from wrong

    @property
    def deadlines(self) -> Deadlines:
        of = {name: timedelta(seconds=seconds) for name, seconds in self.deadlines_s.items()}
        return Deadlines(timedelta(seconds=self.deadline_s), of)

    @cached_property
    def plan(self) -> RetryPlan:
        return RetryPlan.parse(self.retry_plan) if self.retry_plan else RetryPlan()

    @cached_property
    def service_calendar(self) -> ServiceCalendar:
        """Raises ValueError, of which CalendarError is one."""
        try:
            return load_calendar(self.calendar, opens=self.service_opens, closes=self.service_closes)
        except OSError as wrong:
            raise ValueError(f"the calendar file cannot be read: {wrong.strerror}") from wrong

    @cached_property
    def reply_addresses_allowed(self) -> ReplyAddresses:
        """Of any caller: what each may is looked at when it orders."""
        callers = () if self.known_callers is None else self.known_callers.all
        return ReplyAddresses((*self.allowed_replies, *(prefix for one in callers for prefix in one.replies)))

    @property
    def tls(self) -> Tls | None:
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return Tls(self.tls_certificate, self.tls_key, self.tls_client_ca)

    def rules_of(self, source: str) -> CallerRules:
        is_local = source in LOCAL_SOURCES and not self.database_url.get_secret_value()
        caller = None if self.known_callers is None else self.known_callers.of_source(source)
        if caller is not None:
            return self._rules_of(caller)
        return CallerRules(
            may_answer_to=ReplyAddresses(self.allowed_replies),
            usual_address=self.reply_addresses.get(source, ""),
            may_be_special=is_local or "limits:special" in self.permissions.get(source, ()),
            time_zone=self.time_zone,
        )

    def webhook_secret_of(self, source: str) -> bytes:
        """Empty when it has none."""
        caller = None if self.known_callers is None else self.known_callers.of_source(source)
        return b"" if caller is None else caller.webhook_secret

    def _rules_of(self, caller: Caller) -> CallerRules:
        return CallerRules(
            may_answer_to=ReplyAddresses((*self.allowed_replies, *caller.replies)),
            usual_address=caller.usual_reply,
            may_be_special=caller.may_be_special,
            kinds=caller.kinds,
            meters=caller.meters,
            priorities=frozenset(Priority[name.upper()] for name in caller.priorities),
            time_zone=self.time_zone,
        )

    @cached_property
    def answer_wait(self) -> timedelta:
        return timedelta(seconds=self.answer_wait_s)

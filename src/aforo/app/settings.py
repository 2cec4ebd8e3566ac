"""What an operator may set, by environment variables that begin with AFORO_; every one has a default."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.keys import SystemTitle
from aforo.domain.retry_plan import RetryPlan

LOOPBACK = "127.0.0.1"


class Settings(BaseSettings):
    """database_url: an external PostgreSQL; empty means the embedded one in the data folder.

    system_title: ours towards devices, 16 hexadecimal digits.   retry_plan: seconds between attempts, with commas.
    kek: key-encryption key, 64 hexadecimal digits; empty means a file in the data folder.
    reply_addresses: by Source, where answers go when an order names no ReplyAddress.
    allowed_replies: prefixes of addresses that answers may go to; loopback always may.
    models: a folder with meter model files of the operator's own.
    """

    model_config = SettingsConfigDict(env_prefix="AFORO_", extra="ignore", frozen=True)

    database_url: SecretStr = SecretStr("")
    system_title: str = "41464F0000000001"
    retry_plan: str = ""
    kek: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    reply_addresses: dict[str, str] = Field(default_factory=dict)
    allowed_replies: tuple[str, ...] = ()
    models: Path | None = None
    host: str = LOOPBACK
    answer_wait_s: Annotated[float, Field(gt=0, le=600)] = 20.0
    window: Annotated[int, Field(ge=1, le=2000)] = 256

    @field_validator("system_title")
    @classmethod
    def _is_title(cls, text: str) -> str:
        try:
            return str(SystemTitle.from_hex(text))
        except LocalProtocolError as wrong:
            raise ValueError(str(wrong)) from wrong

    @field_validator("retry_plan")
    @classmethod
    def _is_plan(cls, text: str) -> str:
        RetryPlan.parse(text)
        return text

    @cached_property
    def plan(self) -> RetryPlan:
        return RetryPlan.parse(self.retry_plan) if self.retry_plan else RetryPlan()

    @cached_property
    def answer_wait(self) -> timedelta:
        return timedelta(seconds=self.answer_wait_s)

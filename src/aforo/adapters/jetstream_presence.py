"""Leases and the bell on NATS JetStream: what this process holds, and what the others are to look at.

Two streams keep the last message of each subject: one of every process, which says until when it is there, and one of
every lane or role, which says who holds it. Whoever takes one says which message it means to replace, so of two only
one does. Times are the server's.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DeliverPolicy, DiscardPolicy, RawStreamMsg, StreamConfig
from nats.js.errors import APIError, NotFoundError

from aforo.adapters.gathered_rings import GatheredRings
from aforo.engine.ports import Entropy, Standing, StoreUnavailable

PROCESSES, LEASES, BELL = "aforo.process.", "aforo.lease.", "aforo.bell"
STREAMS = {PROCESSES: "AFORO_PROCESSES", LEASES: "AFORO_LEASES"}
JOINED = "joined"
FORGOTTEN_AFTER_S = 24 * 3600
WAIT_S = 5.0
_NOBODY = ""
_WRONG_LAST_SEQUENCE = 10071
_OUTAGES = (NatsError, OSError, TimeoutError)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The last message of a subject: what it says, its number in the stream, and when the server had it."""

    words: str = ""
    place: int = 0
    at: datetime = _NEVER


class JetStreamPresence:
    """See `aforo.engine.ports.Leases` and `Bell`. A process that dies is missed when its lease has run out."""

    is_shared = True

    def __init__(self, url: str, entropy: Entropy) -> None:
        self._url = url
        self._entropy = entropy
        self._client: Client | None = None
        self._js: JetStreamContext | None = None
        self._process = ""
        self._own = _Kept()
        self._seen_at = 0.0
        self._is_alone = True
        self._processes: dict[str, _Kept] = {}
        self._leases: dict[str, _Kept] = {}
        self._listener: Callable[[str], None] = lambda _: None
        self._rings = GatheredRings(self._ring_all)

    def listen(self, listener: Callable[[str], None]) -> None:
        self._listener = listener

    async def join(self, lease: timedelta) -> None:
        await self._close()
        try:
            async with asyncio.timeout(WAIT_S):
                self._client = await nats.connect(
                    self._url, allow_reconnect=False, connect_timeout=5, error_cb=_ignored
                )
            self._js = self._client.jetstream(timeout=WAIT_S)
            self._process = self._entropy.octets(16).hex()
            self._processes, self._leases = {}, {}
            await self._declare(self._js)
            await self._client.subscribe(BELL, cb=self._heard)
            await self._follow(self._js, PROCESSES, self._processes)
            await self._follow(self._js, LEASES, self._leases)
            self._own = await self._put(PROCESSES + self._process, str(lease.total_seconds()), after=0)
            self._seen_at = time.monotonic()
            await self._client.publish(BELL, f"{self._process} {JOINED}".encode())
        except _OUTAGES as away:
            await self._close()
            raise _unavailable(away) from away

    async def renew(self, lease: timedelta) -> Standing | None:
        if self._js is None or self._client is None or self._client.is_closed:
            return None
        subject = PROCESSES + self._process
        try:
            renewed = await self._put(subject, str(lease.total_seconds()), after=self._own.place)
            has_lapsed = renewed.at > _until(self._own)
            if has_lapsed:  # others may have taken what it held meanwhile
                await self._put(subject, _NOBODY, after=renewed.place)
                self._own = _Kept()
                return None
        except APIError as wrong:
            if wrong.err_code == _WRONG_LAST_SEQUENCE:
                return None
            raise _unavailable(wrong) from wrong
        except _OUTAGES as away:
            raise _unavailable(away) from away
        self._own, self._seen_at = renewed, time.monotonic()
        others = [process for process in self._processes if process != self._process and self._is_there(process)]
        self._is_alone = not others
        return Standing(len(others), tuple(sorted(self._orphans())))

    async def take(self, name: str) -> bool:
        if self._js is None:
            raise StoreUnavailable("this process has not joined the others yet")
        try:
            if _until(self._own) <= self._now():
                return False
            return await self._taken(name, self._leases.get(name, _Kept())) or await self._taken(name, None)
        except _OUTAGES as away:
            raise _unavailable(away) from away

    async def let_go(self, name: str) -> None:
        known = self._leases.get(name)
        if known is None or known.words != self._process or self._js is None:
            return
        try:
            self._leases[name] = await self._say(name, _NOBODY, after=known.place)
        except APIError as wrong:
            if wrong.err_code != _WRONG_LAST_SEQUENCE:  # else it is another's by now
                raise _unavailable(wrong) from wrong
        except _OUTAGES as away:
            raise _unavailable(away) from away

    async def leave(self) -> None:
        """What is still held can be taken by others at once. A server that is away finds out by itself."""
        with suppress(*_OUTAGES):
            if self._js is not None:
                await self._put(PROCESSES + self._process, _NOBODY, after=self._own.place)
        await self._close()

    def ring(self, subject: str) -> None:
        if self._is_alone:
            return
        self._rings.add(subject)

    async def _ring_all(self, subjects: Sequence[str]) -> None:
        with suppress(*_OUTAGES):  # the others look again when they have joined anew
            for subject in subjects:
                if self._client is not None:
                    await self._client.publish(BELL, f"{self._process} {subject}".encode())

    async def _heard(self, message: Msg) -> None:
        process, _, subject = message.data.decode(errors="replace").partition(" ")
        if subject == JOINED and process == self._process:
            return
        self._is_alone = self._is_alone and process == self._process  # who has just come is to be rung for
        self._listener(subject)

    async def _taken(self, name: str, known: _Kept | None) -> bool:
        """known: who had it when we last heard; None asks the server."""
        known = await self._last(LEASES + _token(name)) if known is None else known
        if known.words == self._process:
            return True
        if known.words != _NOBODY and not await self._is_gone(known.words):
            return False
        try:
            self._leases[name] = await self._say(name, self._process, after=known.place)
        except APIError as wrong:
            if wrong.err_code != _WRONG_LAST_SEQUENCE:
                raise
            return False
        return True

    async def _is_gone(self, process: str) -> bool:
        """Asked of the server, should its renewal be on its way to us."""
        if self._is_there(process):
            return False
        self._processes[process] = await self._last(PROCESSES + process)
        return not self._is_there(process)

    def _orphans(self) -> set[str]:
        held = {name: kept.words for name, kept in self._leases.items() if kept.words not in (_NOBODY, self._process)}
        return {name for name, holder in held.items() if not self._is_there(holder)}

    def _is_there(self, process: str) -> bool:
        return process == self._process or _until(self._processes.get(process, _Kept())) > self._now()

    def _now(self) -> datetime:
        """By the server's clock, as far as it can be told from our last renewal."""
        return self._own.at + timedelta(seconds=time.monotonic() - self._seen_at)

    async def _say(self, name: str, words: str, *, after: int) -> _Kept:
        """The subject is made of the name, which may have characters that none may have; so the message tells it."""
        place = await self._publish(LEASES + _token(name), f"{words} {name}", after)
        return _Kept(words, place)

    async def _put(self, subject: str, words: str, *, after: int) -> _Kept:
        await self._publish(subject, words, after)
        return await self._last(subject)

    async def _publish(self, subject: str, words: str, after: int) -> int:
        """Where it stands in its stream. Raises APIError when another message is the last of the subject."""
        assert self._js is not None, "joined"
        headers = {"Nats-Expected-Last-Subject-Sequence": str(after)}
        return (await self._js.publish(subject, words.encode(), headers=headers)).seq

    async def _last(self, subject: str) -> _Kept:
        assert self._js is not None, "joined"
        stream = next(name for prefix, name in STREAMS.items() if subject.startswith(prefix))
        try:
            return _kept(await self._js.get_last_msg(stream, subject))
        except NotFoundError:
            return _Kept()

    async def _follow(self, js: JetStreamContext, prefix: str, known: dict[str, _Kept]) -> None:
        """From now on `known` has the last message of every subject, the present ones before this returns."""
        is_caught_up = asyncio.get_running_loop().create_future()

        async def heard(message: Msg) -> None:
            words, _, name = message.data.decode().partition(" ")
            key = name or message.subject.removeprefix(prefix)
            metadata = message.metadata
            if metadata.sequence.stream > known.get(key, _Kept()).place:
                known[key] = _Kept(words, metadata.sequence.stream, metadata.timestamp)
            if metadata.num_pending == 0 and not is_caught_up.done():
                is_caught_up.set_result(None)

        policy = DeliverPolicy.LAST_PER_SUBJECT
        subscription = await js.subscribe(f"{prefix}>", cb=heard, ordered_consumer=True, deliver_policy=policy)
        told = await subscription.consumer_info()
        if told.num_pending == 0 and told.delivered is not None and told.delivered.consumer_seq == 0:
            return
        async with asyncio.timeout(WAIT_S):
            await is_caught_up

    async def _declare(self, js: JetStreamContext) -> None:
        for prefix, name in STREAMS.items():
            try:
                await js.stream_info(name)
            except NotFoundError:
                forgotten_after_s = FORGOTTEN_AFTER_S if prefix == PROCESSES else 0
                config = StreamConfig(
                    name=name,
                    subjects=[f"{prefix}>"],
                    max_msgs_per_subject=1,
                    max_age=forgotten_after_s,
                    discard=DiscardPolicy.OLD,
                )
                await js.add_stream(config)

    async def _close(self) -> None:
        client, self._client, self._js = self._client, None, None
        self._own = _Kept()
        if client is not None:
            with suppress(*_OUTAGES):
                await client.close()


async def _ignored(_: Exception) -> None:
    """Whoever asks next is told."""


def _token(name: str) -> str:
    return name.encode().hex()


def _until(process: _Kept) -> datetime:
    """When it is there no more, unless it says so again."""
    return process.at + timedelta(seconds=float(process.words)) if process.words else _NEVER


def _kept(message: RawStreamMsg) -> _Kept:
    words, _, _ = (message.data or b"").decode().partition(" ")
    return _Kept(words, message.seq or 0, message.time or _NEVER)


def _unavailable(away: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"NATS cannot be reached: {str(away) or type(away).__name__}")

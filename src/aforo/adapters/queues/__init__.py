"""Result queues outside: which one a URL means. Their libraries are loaded only when one is asked for."""

from collections.abc import Callable
from urllib.parse import urlsplit

from aforo.engine.answer_ports import ResultQueue

SCHEMES = ("amqp", "amqps", "nats", "tls")


class UnknownQueue(ValueError):
    """The URL means no queue that we can speak to."""


def check_url(url: str) -> None:
    """Raises UnknownQueue, without repeating what may hold a password."""
    if urlsplit(url).scheme not in SCHEMES or not urlsplit(url).hostname:
        raise UnknownQueue(f"a result queue is {' or '.join(f'{scheme}://HOST' for scheme in SCHEMES)}")


def queue_at(url: str, report: Callable[[str, BaseException], None]) -> ResultQueue:
    """report: told of what goes wrong and is tried again. Raises UnknownQueue."""
    check_url(url)
    if urlsplit(url).scheme.startswith("amqp"):
        from aforo.adapters.queues.amqp import AmqpQueue  # noqa: PLC0415 (0.2 s that few need)

        return AmqpQueue(url, report)
    from aforo.adapters.queues.jetstream import JetStreamQueue  # noqa: PLC0415 (the same)

    return JetStreamQueue(url, report)

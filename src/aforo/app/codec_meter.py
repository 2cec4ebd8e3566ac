"""The one meter that every stack of the codec bench speaks to: a tolerant server, in a process of its own."""

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

from aforo.adapters.listening import listen_on
from aforo.app.settings import LOOPBACK
from aforo.dlms import (
    AssociationEstablished,
    Connection,
    CounterRange,
    Key,
    Keys,
    Mechanism,
    RemoteProtocolError,
    ServerSettings,
    SystemTitle,
    data,
)
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.cosem.register import WATT, ScalerUnit
from aforo.dlms.cosem.limiter import Limiter, LimiterState, Monitored
from aforo.dlms.events import Request
from aforo.dlms.obis import obis
from aforo.dlms.server import Server
from aforo.dlms.wrapper import WrapperReader, encode

LIMITER = obis("0-0:17.0.0.255")
POWER = obis("1-0:1.7.0.255")
HIGHEST = 2**32 - 1


def server_settings(keys: Keys, title: SystemTitle, mechanism: Mechanism = Mechanism.HLS_GMAC) -> ServerSettings:
    """The challenge is the same each time: nothing here is secret, and nothing is drawn."""
    return ServerSettings(
        mechanism=mechanism,
        title=title,
        keys=keys,
        challenge=b"P6wRJ21FP6wRJ21F",
        counters=CounterRange(1, COUNTER_MAX),
    )

"""A serial port of this machine (a Linux tty) as an asyncio transport: eight bits, no parity, one stop bit."""

import asyncio
import fcntl
import os
import termios
from typing import Final

UNSENT_OCTETS_MAX = 1 << 17
_READ_OCTETS = 4096
_SPEEDS: Final = {
    speed: getattr(termios, f"B{speed}") for speed in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
_CHARACTERS: Final = termios.CREAD | termios.CLOCAL | termios.CS8


def open_serial_port(path: str) -> int:
    """Its descriptor, ours alone, with nothing waiting in it. Raises OSError, also for what is no serial port."""
    handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        termios.tcflush(handle, termios.TCIOFLUSH)
    except BlockingIOError:
        os.close(handle)
        raise OSError(f"{path} is in use") from None
    except termios.error as wrong:
        os.close(handle)
        raise OSError(f"{path} is no serial port") from wrong
    return handle


class SerialTransport(asyncio.Transport):
    """Of a descriptor that it then owns; the protocol is told of what comes and of the end, as by any transport."""

    def __init__(self, handle: int, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._handle = handle
        self._protocol = protocol
        self._unsent = bytearray()
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(handle, self._read)
        protocol.connection_made(self)

    def change_speed(self, speed: int) -> None:
        """In baud, once what was written has left. Raises OSError: the port does not have this speed."""
        try:
            code, control = _SPEEDS[speed], termios.tcgetattr(self._handle)[6]
            termios.tcsetattr(self._handle, termios.TCSADRAIN, [0, 0, _CHARACTERS, 0, code, code, control])
        except (KeyError, termios.error) as wrong:
            raise OSError(f"the port cannot do {speed} Bd") from wrong

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closed:
            return
        if not self._unsent:
            self._loop.add_writer(self._handle, self._write)
        self._unsent += data
        self._write()
        if len(self._unsent) > UNSENT_OCTETS_MAX:
            self._end(OSError("the port does not send what it is given"))

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def is_closing(self) -> bool:
        return self._is_closed

    def abort(self) -> None:
        self._end(None)

    def close(self) -> None:
        """What the system has taken is still sent; what it has not is lost."""
        self._end(None)

    def _read(self) -> None:
        try:
            octets = os.read(self._handle, _READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as gone:
            self._end(gone)
            return
        if octets:
            self._protocol.data_received(octets)
        else:
            self._end(OSError("the port has hung up"))

    def _write(self) -> None:
        try:
            sent = os.write(self._handle, self._unsent)
        except BlockingIOError:
            return
        except OSError as gone:
            self._end(gone)
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._handle)

    def _end(self, why: OSError | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._handle)
        self._loop.remove_writer(self._handle)
        os.close(self._handle)
        self._loop.call_soon(self._protocol.connection_lost, why)

"""The codec bench's work as dlms-cosem 25.1.0 does it, in an environment of its own; prints one JSON object.

Run as a process by `aforo bench codec`; nothing of aforo is imported here, and nothing here is shipped.
argv: host port of a meter server, count of exchanges.   stdin: a JSON object of what is to be encoded and decoded.
"""

import json
import logging
import statistics
import sys
import time

import structlog

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

from dlms_cosem import connection as connections  # noqa: E402
from dlms_cosem import cosem, enumerations, security  # noqa: E402
from dlms_cosem import state as states  # noqa: E402
from dlms_cosem import time as dlms_time  # noqa: E402
from dlms_cosem.client import DlmsClient  # noqa: E402
from dlms_cosem.io import BlockingTcpIO, TcpTransport  # noqa: E402
from dlms_cosem.protocol import xdlms  # noqa: E402
from dlms_cosem.utils import parse_as_dlms_data  # noqa: E402

GIVEN = json.load(sys.stdin)
EK, AK = bytes.fromhex(GIVEN["encryption_key"]), bytes.fromhex(GIVEN["authentication_key"])
CLIENT, METER = bytes.fromhex(GIVEN["client_title"]), bytes.fromhex(GIVEN["meter_title"])
LIMITER = cosem.CosemAttribute(enumerations.CosemInterface.LIMITER, cosem.Obis(0, 0, 17, 0, 0, 255), 4)
VALUE = bytes.fromhex(GIVEN["value"])


def connected(state, counter):
    connection = connections.DlmsConnection(
        authentication=security.HighLevelSecurityGmacAuthentication(),
        client_system_title=CLIENT,
        meter_system_title=METER,
        global_encryption_key=EK,
        global_authentication_key=AK,
        client_invocation_counter=counter,
        meter_invocation_counter=0,
    )
    connection.state.current_state = state
    return connection


def timed(call, count):
    """CPU microseconds per call, median of three; the bench runs this script several times."""
    figures = []
    for _ in range(3):
        begin = time.process_time_ns()
        for _ in range(count):
            call()
        figures.append((time.process_time_ns() - begin) / count / 1000)
    return statistics.median(figures)


def encode():
    connection = connected(states.READY, 1)
    assert xdlms.SetRequestNormal(cosem_attribute=LIMITER, data=VALUE).to_bytes().hex() == GIVEN["plain_set"]

    def call():
        connection.state.current_state = states.READY
        return connection.send(xdlms.SetRequestNormal(cosem_attribute=LIMITER, data=VALUE))

    assert call().hex() == GIVEN["sealed_set"]
    return timed(call, 2000)


def decode(apdu, waiting, convert):
    connection = connected(waiting, 1)

    def call():
        connection.state.current_state = waiting
        connection.meter_invocation_counter = 0
        connection.receive_data(apdu)
        return convert(connection.next_event())

    return call


def profile(event):
    rows = parse_as_dlms_data(event.data)
    return [(dlms_time.datetime_from_bytes(bytes(row[0]))[0], *row[1:]) for row in rows]


def exchange(host, port, count):
    for number in range(count + 1):
        if number == 1:  # the first one warms up, and is not counted
            begin = time.process_time_ns()
        client = DlmsClient(
            transport=TcpTransport(1, 1, BlockingTcpIO(host, port)),
            authentication=security.HighLevelSecurityGmacAuthentication(),
            client_system_title=CLIENT,
            encryption_key=EK,
            authentication_key=AK,
            client_initial_invocation_counter=number * 10 + 1,
        )
        client.connect()
        client.associate()
        assert client.set(LIMITER, VALUE).result == enumerations.DataAccessResult.SUCCESS
        assert client.get(LIMITER) == VALUE
        client.release_association()
        client.disconnect()
    return (time.process_time_ns() - begin) / count / 1000


response = decode(bytes.fromhex(GIVEN["set_response"]), states.AWAITING_SET_RESPONSE, lambda event: event)
rows = decode(bytes.fromhex(GIVEN["profile"]), states.AWAITING_GET_RESPONSE, profile)
assert [row[1] for row in rows()] == GIVEN["profile_column"]
figures = {
    "set_limiter_ciphered_encode": encode(),
    "response_ciphered_decode": timed(response, 1000),
    "load_profile_96x4_decode": timed(rows, 40),
    "exchange": exchange(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])),
}
sys.stdout.write(json.dumps(figures) + "\n")

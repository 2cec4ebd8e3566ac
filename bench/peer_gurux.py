"""The codec bench's work as gurux-dlms 1.0.203 does it, in an environment of its own; prints one JSON object.

Run as a process by `aforo bench codec`; nothing of aforo is imported here, and nothing here is shipped.
argv: host port of a meter server, count of exchanges.   stdin: a JSON object of what is to be encoded and decoded.
"""

import contextlib
import io
import json
import socket
import statistics
import sys
import time

from gurux_dlms import GXByteBuffer, GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, DataType, InterfaceType, Security
from gurux_dlms.objects import GXDLMSLimiter
from gurux_dlms.secure import GXDLMSSecureClient

GIVEN = json.load(sys.stdin)
EK, AK = bytes.fromhex(GIVEN["encryption_key"]), bytes.fromhex(GIVEN["authentication_key"])
CLIENT, METER = bytes.fromhex(GIVEN["client_title"]), bytes.fromhex(GIVEN["meter_title"])
VALUE = int(GIVEN["value"][2:], 16)


def client(counter):
    made = GXDLMSSecureClient(True, 1, 1, Authentication.HIGH_GMAC, None, InterfaceType.WRAPPER)
    made.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    made.ciphering.systemTitle = bytearray(CLIENT)
    made.ciphering.blockCipherKey = bytearray(EK)
    made.ciphering.authenticationKey = bytearray(AK)
    made.ciphering.invocationCounter = counter
    return made


def limiter():
    made = GXDLMSLimiter("0.0.17.0.0.255")
    made.thresholdNormal = VALUE
    made.setDataType(4, DataType.UINT32)
    return made


def timed(call, count):
    """CPU microseconds per call, median of three; the bench runs this script several times."""
    figures = []
    for _ in range(3):
        begin = time.process_time_ns()
        for _ in range(count):
            call()
        figures.append((time.process_time_ns() - begin) / count / 1000)
    return statistics.median(figures)


def associated():
    """As after an association, without one."""
    made = client(1)
    made.settings.sourceSystemTitle = bytearray(METER)
    made.settings.connected = 2 | 1
    made.settings.negotiatedConformance = made.settings.proposedConformance
    return made


def encode():
    plain = GXDLMSSecureClient(True, 1, 1, Authentication.NONE, None, InterfaceType.WRAPPER)
    plain.settings.connected = 2 | 1
    assert plain.write(limiter(), 4) == [framed(bytes.fromhex(GIVEN["plain_set"]))]
    assert associated().write(limiter(), 4) == [framed(bytes.fromhex(GIVEN["sealed_set"]))]
    made, target = associated(), limiter()
    return timed(lambda: made.write(target, 4), 60)


def framed(apdu):
    return b"\x00\x01\x00\x01\x00\x01" + len(apdu).to_bytes(2, "big") + apdu


def decode(apdu, convert):
    octets = framed(bytes.fromhex(apdu))
    made = associated()

    def call():
        reply = GXReplyData()
        made.getData(GXByteBuffer(octets), reply, None)
        return convert(reply)

    return call


def rows(reply):
    """As ours and the other's: with moments, which gurux leaves as octets until it is told what they are."""
    return [[GXDLMSClient.changeType(row[0], DataType.DATETIME).value, *row[1:]] for row in reply.value]


def written(reply):
    assert (reply.error, reply.isComplete()) == (0, True)
    return reply.error


class Line:
    def __init__(self, made):
        self.made = made
        self.line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, messages):
        reply = GXReplyData()
        for message in messages if isinstance(messages, list) else [messages]:
            self.line.sendall(bytes(message))
            got = GXByteBuffer()
            while True:
                got.set(self.line.recv(4096))
                got.position = 0
                if self.made.getData(got, reply, None):
                    break
        return reply


def exchange(count):
    for number in range(count + 1):
        if number == 1:  # the first one warms up, and is not counted
            begin = time.process_time_ns()
        made = client(number * 10 + 1)
        line = Line(made)
        made.parseAareResponse(line.ask(made.aarqRequest()).data)
        made.parseApplicationAssociationResponse(line.ask(made.getApplicationAssociationRequest()).data)
        target = limiter()
        written(line.ask(made.write(target, 4)))
        assert line.ask(made.read(target, 4)).value == VALUE
        line.ask(made.releaseRequest())
        line.line.close()
    return (time.process_time_ns() - begin) / count / 1000


said = io.StringIO()
with contextlib.redirect_stdout(said):
    figures = {"set_limiter_ciphered_encode": encode()}
    figures["response_ciphered_decode"] = timed(decode(GIVEN["set_response"], written), 60)
    profile = decode(GIVEN["profile"], rows)
    assert [row[1] for row in profile()] == GIVEN["profile_column"]
    figures["load_profile_96x4_decode"] = timed(profile, 6)
    figures["exchange"] = exchange(int(sys.argv[3]))
sys.stdout.write(json.dumps(figures) + "\n")

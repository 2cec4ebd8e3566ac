"""A DLMS client written out octet by octet, to hold the independent meter against something simpler.

It seals with another primitive than the meter (AES-GCM with a whole tag, cut) and reads the AARE with
dlms-cosem. It checks every answer it opens: addresses, lengths, tags, the proof f(CtoS).
"""

from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_cosem import enumerations
from dlms_cosem.protocol import acse as oracle

from peers.independent_association import Device
from peers.independent_bytes import Keys
from peers.independent_meter import Connection
from peers.independent_objects import Behaviour

EK = bytes(range(16))
AK = bytes(range(0xD0, 0xE0))
CLIENT = bytes.fromhex("4845530000000001")
LIMITER, POWER, SWITCH = "0000110000ff", "0100010700ff", "000060030aff"
COUNTER = "00002b0101ff"
SET_3300 = bytes.fromhex("c101c100470000110000ff04000600000ce4")


def device(behaviour: Behaviour | None = None, *, threshold: int = 4_600) -> Device:
    return Device(Keys(EK, AK), bytes.fromhex("494e440000000001"), behaviour or Behaviour(), threshold=threshold)


class Hand:
    """A client written out by hand on the wire's own terms. ``counter`` is the last one used."""

    def __init__(self, device: Device, *, key: bytes = EK, general: bool = False, counter: int = 0) -> None:
        self.device = device
        self.wire = Connection(device)
        self.key, self.general, self.counter = key, general, counter
        self.conformance = "40 00 19" if general else "00 00 19"
        self.title = b""

    def say(self, apdu: bytes, *, sap: int = 1) -> bytes:
        reply = self.wire.feed(bytes([0, 1, 0, sap, 0, 1, 0, len(apdu)]) + apdu)
        assert reply[:6] == bytes([0, 1, 0, 1, 0, sap]) if reply else True
        assert int.from_bytes(reply[6:8], "big") == len(reply[8:])
        return reply[8:]

    def seal(self, plain: bytes, *, control: int = 0x30) -> bytes:
        self.counter += 1
        head = bytes([control]) + self.counter.to_bytes(4, "big")
        return head + AESGCM(self.key).encrypt(CLIENT + head[1:], plain, head[:1] + AK)[:-4]

    def unseal(self, content: bytes) -> bytes:
        assert content[0] == 0x30
        keystream = AESGCM(self.key).encrypt(self.title + content[1:5], content[5:-12], None)[: len(content) - 17]
        whole = AESGCM(self.key).encrypt(self.title + content[1:5], keystream, content[:1] + AK)
        assert whole[: len(keystream) + 12] == content[5:]
        return keystream

    def aarq(self, *, challenge: bytes = b"K56iVagY") -> bytes:
        initiate = bytes.fromhex(f"01 00 00 00 06 5f1f0400 {self.conformance} 0400")
        sealed = self.seal(initiate)
        information = bytes([0x21, len(sealed)]) + sealed
        body = bytes.fromhex("a109060760857405080103 a60a0408") + CLIENT
        body += bytes.fromhex("8a020780 8b0760857405080205 ac") + bytes([len(challenge) + 2, 0x80, len(challenge)])
        body += challenge + bytes([0xBE, len(information) + 2, 0x04, len(information)]) + information
        return bytes([0x60, len(body)]) + body

    def proof(self, counter: int) -> bytes:
        iv = CLIENT + counter.to_bytes(4, "big")
        tag = AESGCM(self.key).encrypt(iv, b"", b"\x10" + AK + self.challenge)[:12]
        return bytes.fromhex("c301c1000f0000280000ff01010911 10") + iv[8:] + tag

    def hear_aare(self, aare: bytes) -> None:
        told = oracle.ApplicationAssociationResponse.from_bytes(aare)
        assert told.result is enumerations.AssociationResult.ACCEPTED
        self.title, self.challenge = bytes(told.system_title), bytes(told.authentication_value)

    def associate(self) -> Self:
        self.hear_aare(self.say(self.aarq()))
        self.counter += 1
        answer = self.ask(self.proof(self.counter))
        assert answer[:9] == bytes.fromhex("c701c1 00 01 00 0911 10")
        iv = self.title + answer[9:13]
        assert answer[13:] == AESGCM(self.key).encrypt(iv, b"", b"\x10" + AK + b"K56iVagY")[:12]
        return self

    def send(self, plain: bytes) -> bytes:
        sealed = self.seal(plain)
        if self.general:
            return self.say(b"\xdb\x08" + CLIENT + bytes([len(sealed)]) + sealed)
        return self.say(bytes([plain[0] + 8, len(sealed)]) + sealed)

    def ask(self, plain: bytes) -> bytes:
        reply = self.send(plain)
        if self.general:
            assert reply[:10] == b"\xdb\x08" + self.title
            return self.unseal(reply[11:])
        answer = self.unseal(reply[2:])
        assert reply[0] == answer[0] + 8
        return answer

    def get(self, class_id: int, name: str, index: int) -> str:
        return self.ask(bytes.fromhex(f"c001c1 {class_id:04x} {name} {index:02x} 00"))[3:].hex()

    def set(self, data: str, *, index: int = 4) -> str:
        return self.ask(bytes.fromhex(f"c101c1 0047 {LIMITER} {index:02x} 00 {data}"))[3:].hex()

"""A whole DLMS association over a link with short frames: ciphered, both ends ours, segments both ways."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aforo.dlms import (
    Associate,
    AssociationEstablished,
    Connection,
    DataAccess,
    DataNotification,
    Event,
    GetRequest,
    GetResponse,
    Mechanism,
    Release,
    Released,
    SetRequest,
    SetResponse,
    data,
)
from aforo.dlms.hdlc import ApduReceived, Disconnected, HdlcLink
from unit.dlms.associations import GET_THRESHOLD, LIMITER, SET_3300
from unit.dlms.associations import a_client as a_client_association
from unit.dlms.associations import a_server as a_server_association
from unit.dlms_hdlc.hdlc_lines import HdlcLine, a_client, a_server, connected, kinds, read, said, small_frames

LONG = data.octets(bytes(range(250)) * 3)
ANSWERS: dict[Event, Event] = {
    SET_3300: SetResponse(DataAccess.SUCCESS),
    GET_THRESHOLD: GetResponse(DataAccess.SUCCESS, data.u32(3300)),
    GetRequest(71, LIMITER, 2): GetResponse(DataAccess.SUCCESS, LONG),
    SetRequest(71, LIMITER, 2, LONG): SetResponse(DataAccess.READ_WRITE_DENIED),
}


@dataclass
class End:
    """An association on its link: APDUs that come go up, what the association wants to say goes down."""

    link: HdlcLink
    association: Connection
    answer: Callable[[Event], Event | None] = lambda _: None
    told: list[Event] = field(default_factory=list)

    def move(self, line: HdlcLine) -> None:
        while (event := self.link.next_event()) is not None:
            assert isinstance(event, ApduReceived | Disconnected)
            if isinstance(event, ApduReceived):
                self._take(event.apdu)
        for apdu in self.association.outgoing():
            self.link.send_apdu(apdu, line.now)

    def _take(self, apdu: bytes) -> None:
        event = self.association.receive(apdu)
        if event is None:
            return
        self.told.append(event)
        answer = self.answer(event)
        if answer is not None:
            self.association.send(answer)


class Both(HdlcLine):
    """The line's own listening is replaced by two associations."""

    client_end: End
    server_end: End

    def _listen(self) -> None:
        self.client_end.move(self)
        self.server_end.move(self)

    def say(self, event: Event) -> Event:
        self.client_end.association.send(event)
        self.client_end.move(self)
        count = len(self.client_end.told)
        self.run_until(lambda: len(self.client_end.told) > count)
        return self.client_end.told[-1]


def a_pair(mechanism: Mechanism = Mechanism.HLS_GMAC, window: int = 1) -> Both:
    parameters = small_frames(window, information=64)
    quiet = connected(a_client(parameters=parameters), a_server(parameters=parameters))
    pair = Both(quiet.client, quiet.server)
    pair.client_end = End(quiet.client, a_client_association(mechanism))
    pair.server_end = End(quiet.server, a_server_association(mechanism), ANSWERS.get)
    return pair


def test_an_association_lives_its_whole_life_over_frames_of_64_octets() -> None:
    pair = a_pair()
    assert isinstance(pair.say(Associate()), AssociationEstablished)
    for request, answer in ANSWERS.items():
        assert pair.say(request) == answer
    assert pair.say(Release()) == Released()
    pair.client.disconnect(pair.now)
    pair.settle()
    assert pair.server_end.told[-1] == Released()
    assert kinds(pair.sent)[-2:] == ["DISC", "UA"]
    assert max(len(read(octets).information) for octets in pair.sent) == 64
    assert sum(read(octets).is_segmented for octets in pair.sent) >= 2 * len(LONG) // 64


def test_a_wider_window_needs_fewer_turns_for_the_same() -> None:
    turns = []
    for window in (1, 7):
        pair = a_pair(window=window)
        pair.say(Associate())
        assert pair.say(GetRequest(71, LIMITER, 2)) == GetResponse(DataAccess.SUCCESS, LONG)
        turns.append(sum(said(octets).is_final for octets in pair.sent))
    assert turns[1] < turns[0] / 2


def test_a_notification_waits_for_the_client_to_ask() -> None:
    pair = a_pair()
    pair.say(Associate())
    news = DataNotification(1, bytes(12), LONG)
    pair.server_end.association.send(news)
    pair.settle()
    assert pair.client_end.told[-1] != news
    pair.client.poll(pair.now)
    pair.run_until(lambda: pair.client_end.told[-1] == news)


def test_an_association_survives_a_line_that_loses_every_fifth_frame() -> None:
    pair = a_pair()
    count = 0

    def losing(to_server: bool, octets: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        return [] if count % 5 == 0 else [octets]

    pair.wire = losing
    assert isinstance(pair.say(Associate()), AssociationEstablished)
    for request, answer in ANSWERS.items():
        assert pair.say(request) == answer

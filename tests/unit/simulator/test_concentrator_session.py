"""Who may hand over orders, and results that are owed until they are acknowledged."""

from datetime import timedelta

import pytest

from aforo.dclink import board_client
from aforo.dclink.board_client import BoardRefused
from aforo.dclink.messages import ItemVerdict, Withdrawal
from aforo.dclink.order_board import CLASS_ID, LOGICAL_NAME, Attribute
from aforo.dlms import GetRequest, GetResponse, RemoteProtocolError, SetRequest, SetResponse, data, wrapper
from aforo.dlms.events import DataAccess
from aforo.dlms.obis import obis
from aforo.domain.causes import Cause
from aforo.flow.device_client import DeviceLost
from unit.simulator.driven_concentrator import HeadEnd, PublicClient, Site, an_item
from unit.simulator.driven_meter import OTHER_KEYS, SECOND

EXCEPTION_TAG = 0xD8
"""exception-response (IEC 62056-5-3)."""

AARE_TAG = 0x61

# The session


def test_nothing_can_be_changed_without_a_session() -> None:
    headend = HeadEnd(Site())
    headend.associate()

    for request in (
        board_client.submit_orders([an_item(1)]),
        board_client.withdraw_order(1),
        board_client.acknowledge_results([1]),
    ):
        with pytest.raises(BoardRefused) as refused:
            board_client.read_acknowledged(headend.ask(request))
        assert refused.value.result is DataAccess.SCOPE_OF_ACCESS_VIOLATED


def test_everything_can_be_read_without_a_session() -> None:
    headend = HeadEnd(Site("M-1", "M-2"))
    headend.associate()

    assert [row.meter for row in headend.rows()] == ["M-1", "M-2"]
    assert (headend.queue(), headend.pending()) == ((), ())
    assert board_client.read_epoch(headend.ask(board_client.get_epoch())) == 0
    assert board_client.read_firmware(headend.ask(board_client.get_firmware())) == "aforo-sim 1"


@pytest.mark.parametrize("epoch", [1, 2])
def test_the_latest_session_takes_over(epoch: int) -> None:
    site = Site()
    first = HeadEnd.in_session(site, 1)

    second = HeadEnd.in_session(site, epoch)

    with pytest.raises(BoardRefused, match="scope-of-access-violated"):
        first.submit(an_item(1))
    assert [result.order_id for result in second.carried_out(an_item(2, epoch=epoch))] == [2]
    assert first.pushed() == []


def test_a_head_end_of_an_earlier_epoch_is_told_so_and_takes_nothing_over() -> None:
    site = Site()
    later = HeadEnd.in_session(site, 7)
    earlier = HeadEnd(site)
    earlier.associate()

    assert earlier.open_session(6) == 7
    with pytest.raises(BoardRefused):
        earlier.submit(an_item(1, epoch=6))
    assert [answer.cause for answer in later.submit(an_item(1, epoch=6))] == ["OLD_EPOCH"]
    assert [answer.taken for answer in later.submit(an_item(1, epoch=7))] == [True]


def test_the_session_ends_with_its_association() -> None:
    headend = HeadEnd.in_session(Site())

    headend.drive(headend.client.release())
    headend.associate()

    with pytest.raises(BoardRefused):
        headend.submit(an_item(1))
    assert headend.open_session(1) == 1
    assert headend.submit(an_item(1))[0].taken


def test_what_the_lost_session_handed_over_is_carried_out() -> None:
    site = Site(line_delay=SECOND)
    first = HeadEnd.in_session(site)
    first.submit(an_item(1))

    first.lose()
    site.run()

    assert [result.order_id for result in HeadEnd.in_session(site, 2).pending()] == [1]


def test_a_lower_fence_is_refused_over_the_link() -> None:
    headend = HeadEnd.in_session(Site())

    answers = headend.submit(an_item(1, fence=9), an_item(2, fence=8), an_item(1, fence=9))

    assert [(answer.order_id, answer.taken, answer.cause) for answer in answers] == [
        (1, True, ""),
        (2, False, "STALE_FENCE"),
        (1, True, ""),
    ]


# Results


def test_results_are_owed_until_they_are_acknowledged() -> None:
    site = Site("M-1", "M-2")
    headend = HeadEnd.in_session(site)
    first, second = headend.carried_out(an_item(1, "M-1"), an_item(2, "M-2"))
    headend.lose()
    later = HeadEnd.in_session(site, 2)

    assert later.pending() == (first, second)
    assert later.acknowledge([first]) == 1
    assert HeadEnd.in_session(site, 3).pending() == (second,)
    assert later.pending(after=first.result_id) == (second,)


def test_an_acknowledgement_that_is_repeated_does_no_harm() -> None:
    headend = HeadEnd.in_session(Site())
    results = headend.carried_out(an_item(1))

    assert [headend.acknowledge(results), headend.acknowledge(results)] == [0, 0]


def test_dropped_pushes_can_be_fetched() -> None:
    site = Site()
    site.concentrator.drops_pushes = True
    headend = HeadEnd.in_session(site)

    pushed = headend.carried_out(an_item(1))

    assert pushed == []
    assert [result.verdict for result in headend.pending()] == [ItemVerdict.OK]


def test_a_push_holds_no_more_than_the_head_end_s_longest_apdu() -> None:
    numbers = [f"M-{place}" for place in range(9)]
    site = Site(*numbers, line_delay=SECOND)
    headend = HeadEnd.in_session(site, max_pdu=512)
    for place, number in enumerate(numbers, 1):
        headend.submit(an_item(place, number))
    site.pass_time(timedelta(minutes=10))
    octets = headend.connection.outgoing()

    frames = wrapper.WrapperReader().feed(octets)

    assert len(frames) > 1
    assert max(len(frame.apdu) for frame in frames) <= 512
    headend.frames += frames
    assert [result.order_id for result in headend.pushed()] == list(range(1, 10))


def test_long_lists_are_told_in_parts() -> None:
    numbers = [f"M-{place:03d}" for place in range(60)]
    site = Site(*numbers, line_delay=timedelta(hours=1))
    headend = HeadEnd.in_session(site, max_pdu=512)
    for place, number in enumerate(numbers, 1):
        headend.submit(an_item(place, number))

    rows, queued = list(headend.rows()), list(headend.queue())
    first_rows, first_queued = len(rows), len(queued)
    while more := headend.rows(rows[-1].meter):
        rows += more
    while more_queued := headend.queue(queued[-1].order_id):
        queued += more_queued

    assert first_rows < 60
    assert first_queued < 60
    assert [row.meter for row in rows] == numbers
    assert [entry.order_id for entry in queued] == list(range(1, 61))


def test_only_the_meters_named_are_told() -> None:
    headend = HeadEnd.in_session(Site("M-1", "M-2", "M-3"))

    rows = board_client.read_meters(headend.ask(board_client.get_meters_named(["M-3", "M-9", "M-1"])))

    assert [row.meter for row in rows] == ["M-3", "M-1"]


# Security, and what is not for us


def test_a_head_end_with_other_keys_gets_no_association() -> None:
    headend = HeadEnd(Site(), keys=OTHER_KEYS)

    with pytest.raises(DeviceLost) as lost:
        headend.associate()

    assert lost.value.cause is Cause.WRONG_KEY


def test_the_public_client_is_told_the_counter_and_sees_no_order_board() -> None:
    site = Site()
    HeadEnd.in_session(site)
    public = PublicClient(site)

    counter = public.ask(GetRequest(1, obis("0-0:43.1.1.255"), 2))
    board = public.ask(GetRequest(CLASS_ID, LOGICAL_NAME, Attribute.METERS))

    assert counter == GetResponse(DataAccess.SUCCESS, data.u32(site.memory.client_counter))
    assert board == GetResponse(DataAccess.OBJECT_UNDEFINED)


def test_nothing_on_the_board_is_writable() -> None:
    headend = HeadEnd.in_session(Site())

    response = headend.ask(SetRequest(CLASS_ID, LOGICAL_NAME, Attribute.SESSION_EPOCH, data.u64(9)))

    assert response == SetResponse(DataAccess.READ_WRITE_DENIED)


def test_its_objects_are_listed_with_the_board_among_them() -> None:
    headend = HeadEnd.in_session(Site())

    response = headend.ask(GetRequest(15, obis("0-0:40.0.0.255"), 2))

    assert isinstance(response, GetResponse)
    assert response.data is not None
    assert data.u16(CLASS_ID) + data.u8(0) + data.octets(LOGICAL_NAME) in response.data


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        wrapper.encode(77, 1, b"\x60\x00"),
        wrapper.encode(1, 77, b"\x60\x00"),
        wrapper.encode(1, 1, b"\xe6\x00\x00\x01"),
        b"\x00\x01\x00\x01\x00\x01\xff\xff",
    ],
)
def test_garbage_closes_only_its_own_connection(octets: bytes) -> None:
    site = Site(line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1))
    stranger = site.concentrator.connected()

    with pytest.raises(RemoteProtocolError):
        stranger.receive(octets, site.now)
    stranger.closed()
    site.run()

    assert [result.verdict for result in headend.pushed()] == [ItemVerdict.OK]
    assert headend.submit(an_item(2))[0].taken


def test_an_apdu_that_nobody_knows_is_answered_and_changes_nothing() -> None:
    site = Site()
    headend = HeadEnd.in_session(site)

    headend.send(wrapper.encode(1, 1, b"\xff\xff\xff"))

    assert headend.frames.pop().apdu[0] == EXCEPTION_TAG
    assert headend.submit(an_item(1))[0].taken


def test_a_replayed_request_is_refused_and_its_sender_may_go_on() -> None:
    site = Site()
    headend = HeadEnd.in_session(site)
    connection = headend.client.connection
    assert connection is not None
    connection.send(board_client.withdraw_order(1))
    (apdu,) = connection.outgoing()
    headend.send(wrapper.encode(1, 1, apdu))
    connection.receive(headend.frames.pop().apdu)

    headend.send(wrapper.encode(1, 1, apdu))

    assert headend.frames.pop().apdu[0] == EXCEPTION_TAG
    assert headend.withdraw(1) is Withdrawal.UNKNOWN


@pytest.mark.parametrize("restarted", [False, True])
def test_a_recorded_conversation_gets_no_association_when_it_is_played_again(restarted: bool) -> None:
    site = Site()
    headend = HeadEnd.in_session(site)
    if restarted:
        site.start()
    sent = site.memory.client_counter
    stranger = HeadEnd(site)

    for octets in headend.sent:
        stranger.send(octets)

    assert headend.sent
    assert {frame.apdu[0] for frame in stranger.frames} <= {EXCEPTION_TAG, AARE_TAG}
    assert not stranger.connection._associations[1].is_associated
    assert site.memory.client_counter == sent


def test_while_the_modem_is_down_nothing_passes_and_nothing_is_lost() -> None:
    site = Site(line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1))

    site.concentrator.is_down = True
    site.run()
    assert headend.pushed() == []
    with pytest.raises(DeviceLost):
        headend.queue()
    site.concentrator.is_down = False

    assert [result.order_id for result in HeadEnd.in_session(site, 2).pending()] == [1]


def test_counters_towards_the_head_end_go_on_from_one_connection_to_the_next() -> None:
    """They share the key, so a counter that came back would be a nonce that came back."""
    site = Site()
    HeadEnd.in_session(site)
    after_one = site.memory.own_counter

    HeadEnd.in_session(site, 2)

    assert site.memory.own_counter > after_one > 1

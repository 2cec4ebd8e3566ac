"""Ports to listen on: who asks for a free one gets one that nobody had just before."""

from aforo.adapters.listening import FIRST_FREE_PORT, LAST_FREE_PORT, listen_on


def test_a_port_that_was_given_back_is_not_the_next_one_given() -> None:
    given = []
    for _ in range(3):
        with listen_on("127.0.0.1", 0) as listening:
            given.append(listening.getsockname()[1])

    assert len(set(given)) == 3
    assert all(FIRST_FREE_PORT <= port <= LAST_FREE_PORT for port in given)

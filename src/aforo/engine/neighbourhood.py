"""What the other meters of a concentrator tell about one that is not heard: is it the meter, or the line?"""

from datetime import datetime, timedelta
from typing import Protocol

from aforo.dclink import board_client
from aforo.dclink.messages import TableRow
from aforo.dlms.errors import malformed
from aforo.dlms.events import Request, Response
from aforo.engine.ports import Clock

TRUSTED_FOR = timedelta(minutes=10)


class Board(Protocol):
    async def ask(self, request: Request) -> Response: ...


class Neighbourhood:
    """The concentrator's internal table, counted when a meter of it is not heard, and again after TRUSTED_FOR."""

    def __init__(self, clock: Clock, board: Board) -> None:
        self._clock = clock
        self._board = board
        self._counted: tuple[datetime, int, int] | None = None

    async def words_about(self, row: TableRow) -> str:
        """row: of a meter that the concentrator does not reach."""
        heard, others = await self._others()
        seen = "never" if row.last_seen is None else row.last_seen.isoformat()
        told = f"unreachable for the concentrator; last seen {seen}; {heard} of {others} neighbours answer"
        if others == 0:
            return told
        return f"{told}: {'the meter itself' if 2 * heard >= others else 'the line, or the concentrator'}"

    async def _others(self) -> tuple[int, int]:
        """How many other meters are heard, of how many. Raises RemoteProtocolError."""
        now = self._clock.now()
        if self._counted is None or now - self._counted[0] > TRUSTED_FOR:
            heard = meters = 0
            after = ""
            while rows := board_client.read_meters(await self._board.ask(board_client.get_meters(after))):
                heard += sum(row.reachable for row in rows)
                meters += len(rows)
                if rows[-1].meter <= after:
                    raise malformed(f"rows up to {rows[-1].meter!r} where those behind {after!r} were asked for")
                after = rows[-1].meter
            self._counted = now, heard, meters
        _, heard, meters = self._counted
        return heard, meters - 1

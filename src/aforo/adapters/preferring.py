"""`Prefer: wait=SECONDS` (RFC 7240): how long a request may take for a better answer."""

import re
from typing import Annotated

from fastapi import Header

from aforo.flow.order_asked import WAIT_S_MAX

_PREFERRED = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,6})(?:$|[,;\s])")
Prefer = Annotated[
    str | None, Header(description=f"`wait=SECONDS` (at most {WAIT_S_MAX}): answer when there is something to tell.")
]


def wait_s(prefer: str | None) -> int:
    """0 when none is preferred."""
    found = _PREFERRED.search(prefer or "")
    return min(int(found[1]), WAIT_S_MAX) if found else 0

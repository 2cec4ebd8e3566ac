"""W3C Trace Context: of which trace of its sender's a message is a part (Recommendation of 23 November 2021)."""

import re

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?")
"""Section 3.2: version, trace, parent, flags; versions to come may say more behind these."""

TRACEPARENT = "traceparent"
"""Of the header, in either direction."""


def traceparent_of(header: str) -> str:
    """As version 00 writes it. Empty for what is none: it says nothing about the message, which is taken as it is."""
    found = _FORM.fullmatch(header.strip())
    if found is None or (found[1] == "00" and found[3] is not None):
        return ""
    return f"00-{found[2]}"

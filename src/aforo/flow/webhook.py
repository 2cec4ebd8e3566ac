"""Step 9 for callers of the REST API: the result as a CloudEvent, signed after Standard Webhooks (HMAC-SHA256)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

from aforo.domain.delivery import ResultMessage

WEBHOOK = "cloudevents"
"""Stands where an order keeps the dialect in which it is answered."""

CONTENT_TYPE = "application/cloudevents+json"


def webhook_body(message: ResultMessage) -> bytes:
    """The same at every repetition."""
    return json.dumps(message.body, ensure_ascii=False, separators=(",", ":")).encode()


def webhook_headers(message: ResultMessage, body: bytes, secret: bytes, now: datetime) -> Mapping[str, str]:
    """webhook-signature: v1, then base64 of the HMAC over id, seconds since 1970 and body, with dots between."""
    seconds = str(int(now.timestamp()))
    signed = b".".join((message.id.encode(), seconds.encode(), body))
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {
        "content-type": CONTENT_TYPE,
        "webhook-id": message.id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }

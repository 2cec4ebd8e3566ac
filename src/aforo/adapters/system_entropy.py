"""The one place that draws entropy."""

import os
import uuid


class SystemEntropy:
    """See `aforo.engine.ports.Entropy`."""

    def octets(self, count: int) -> bytes:
        return os.urandom(count)  # noqa: TID251 (this is the place)

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.octets(16), version=4))

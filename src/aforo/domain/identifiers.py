"""Names that must not be mixed up. Each is the text its owner uses; OrderId is ours."""

from typing import NewType

MeterNumber = NewType("MeterNumber", str)
ConcentratorNumber = NewType("ConcentratorNumber", str)
OrderNumber = NewType("OrderNumber", str)
"""The customer's number (issuerTrackingID), unique within its Source."""

Source = NewType("Source", str)
"""The system that ordered, from the message header."""

OrderId = NewType("OrderId", int)
"""Our own key of an order; travels to the concentrator as an unsigned 64-bit number."""

Fence = NewType("Fence", int)
"""Rises with every command for a meter; a concentrator refuses one lower than it has seen."""

Epoch = NewType("Epoch", int)
"""Rises with every session with a concentrator; an older one is refused."""

"""Violence against real processes, killed, cut off, frozen or set wrong, and what becomes of the orders."""

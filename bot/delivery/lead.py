"""How long before its start a request must be booked: learned from how long others took to be ready.

Arithmetic only. What is needed depends on how far the database is and on how busy the process.
"""

LEAST, MOST = 0.01, 5.0  # seconds
_SPARE = 1.25
_FORGOTTEN = 0.02  # the part of an excess that each request which needed less takes away


def learned(lead: float, needed: float) -> float:
    """The next lead, after `lead` seconds where `needed` would have done: up at once, down slowly."""
    wanted = _SPARE * needed
    return min(MOST, max(LEAST, wanted, lead + (wanted - lead) * _FORGOTTEN))

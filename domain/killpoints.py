"""The named points in the work of a trade at which chaos lets a worker die.

`activities/killpoint.py` passes them; the chaos runs choose among them.
"""

from __future__ import annotations

from typing import Final

POINTS: Final = (
    "claim:before",
    "claim:after",
    "sign:before",
    "sign:after",
    "prepare:after",
    "permit:after",
    "post:after",
    "landed:after",
    "cancel:before",
    "cancel:after",
    "read:before",
    "read:after",
    "fill:after",
    "close:before",
    "close:after",
    "redeem:before",
    "redeem:after",
    "settle:before",
    "settle:after",
    "end:before",
    "end:after",
)

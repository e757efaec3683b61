"""The named kill points of a worker; tests hold this list equal to activities/killpoint.py."""

from __future__ import annotations

POINTS = (
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

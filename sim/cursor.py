"""The CLOB's pages: cursors are base64 of an offset (facts 2.7)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sim.refusals import Refusal

END = "LTE="  # base64 of -1


def page(query: dict[str, str], rows: list[Any], limit: int) -> dict[str, Any]:
    """Return one page in the venue's envelope.

    Raises:
        Refusal: 400 when the cursor is not ours.
    """
    cursor = query.get("next_cursor", "")
    start = offset(cursor)
    part = rows[start : start + limit] if start >= 0 else []
    after = start + limit
    following = encode(after) if start >= 0 and after < len(rows) else END
    return {"limit": limit, "next_cursor": following, "count": len(part), "data": part}


def encode(number: int) -> str:
    """Return the cursor of an offset."""
    return base64.b64encode(str(number).encode()).decode()


def offset(cursor: str) -> int:
    """Return the offset of a cursor; empty is the start, -1 the end."""
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor))
    except (ValueError, binascii.Error) as cause:
        raise Refusal(400, "invalid next_cursor") from cause

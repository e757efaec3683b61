"""One short visit to the user socket, to see that it lets us in and answers."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from venue.errors import RefusalKind, Refused, Unknown
from venue.transport import ApiCreds


async def greet_user_stream(url: str, creds: ApiCreds, within: float = 5.0) -> timedelta:
    """Log in to the user stream, send PING, await PONG, leave; return how long that took.

    Raises:
        Refused: the socket closed after the login (kind AUTH).
        Unknown: no connection, or no PONG in time.
    """
    hello = {
        "type": "user",
        "auth": {"apiKey": creds.key, "secret": creds.secret, "passphrase": creds.passphrase},
    }
    began = time.monotonic()
    try:
        async with asyncio.timeout(within), connect(url, proxy=None) as socket:
            await socket.send(json.dumps(hello))
            await socket.send("PING")
            async for frame in socket:
                if frame in ("PONG", b"PONG"):
                    return timedelta(seconds=time.monotonic() - began)
    except (OSError, WebSocketException, TimeoutError) as cause:
        raise Unknown(f"user stream: {type(cause).__name__}") from cause
    raise Refused(RefusalKind.AUTH, "expected PONG from the user stream, was closed")

"""The pool: connections that refuse what would lose exactness on its way to the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from domain.money import MICRO

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of the wire format
_MICROSECOND = timedelta(microseconds=1)


async def open_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    command_timeout: float = 15,
    connect_timeout: float = 10,
    application: str = "touchline",
) -> asyncpg.Pool[Any]:
    """Open a pool of connections; seconds for the timeouts.

    Raises:
        OSError: nobody answers at the address.
        asyncpg.PostgresError: the server refuses us.
    """
    pool: asyncpg.Pool[Any] = await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        command_timeout=command_timeout,
        timeout=connect_timeout,
        init=prepare_connection,
        reset=_keep,
        server_settings={"application_name": application, "timezone": "UTC"},
    )
    return pool


async def _keep(connection: asyncpg.Connection[Any]) -> None:
    """Leave a returned connection as it is: our statements change no session, and the default
    reset costs one more round trip after each of them. Listeners use connections of their own."""


async def prepare_connection(connection: asyncpg.Connection[Any]) -> None:
    """Teach a new connection our types: exact decimals, aware times, JSON."""
    for name, encoder, decoder, form in (
        ("numeric", encode_decimal, Decimal, "text"),
        ("timestamptz", encode_time, decode_time, "tuple"),
        ("jsonb", encode_json, json.loads, "text"),
    ):
        await _set_codec(connection, name, encoder, decoder, form)


async def _set_codec(
    connection: asyncpg.Connection[Any],
    name: str,
    encoder: Callable[[Any], Any],
    decoder: Callable[[Any], Any],
    form: str,
) -> None:
    await connection.set_type_codec(
        name,
        schema="pg_catalog",
        encoder=encoder,
        decoder=decoder,
        format=form,
    )


def encode_decimal(value: Decimal | int) -> str:
    """Return the text of an exact number of at most six places.

    Raises:
        ValueError: a float, NaN, infinity, or more than six places: rounding is the domain's
            business and never happens on the way to the database (STO-M1).
    """
    if isinstance(value, float) or not isinstance(value, Decimal | int):
        raise ValueError(f"expected a Decimal, was {value!r}")
    exact = Decimal(value)
    if not exact.is_finite() or exact != exact.quantize(MICRO):
        raise ValueError(f"expected at most six decimal places, was {value}")
    return format(exact, "f")


def encode_time(value: datetime) -> tuple[int]:
    """Return the wire form of an aware time, in any zone (G7, STO-M2).

    Raises:
        ValueError: the time is naive.
    """
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"expected an aware time, was {value!r}")
    return ((value - _EPOCH) // _MICROSECOND,)


def decode_time(wire: tuple[int]) -> datetime:
    """Return the aware UTC time of a wire value; infinity is not ours and raises."""
    return _EPOCH + timedelta(microseconds=wire[0])


def encode_json(value: object) -> str:
    """Return JSON text; decimals and times become exact strings.

    Raises:
        TypeError: something else that JSON has no word for.
    """
    return json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"expected JSON, decimals or times, was {type(value).__name__}")

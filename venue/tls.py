"""One TLS context for every client of this process, the official SDK's included.

Loading the root certificates takes about 0.1 s, and the SDK makes twelve clients for one account:
a start would stand still for more than a second.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

import httpx
from polymarket.clients import _transport as sdk_transport


@lru_cache(maxsize=1)
def context() -> ssl.SSLContext:
    """Return the context: httpx's own, with the usual roots and checks."""
    return httpx.create_ssl_context()


class _Httpx:
    """The httpx module as the SDK's transport sees it, apart from that one argument."""

    def __getattr__(self, name: str) -> Any:
        return getattr(httpx, name)

    @staticmethod
    def AsyncClient(**options: Any) -> httpx.AsyncClient:  # stands for the class
        return httpx.AsyncClient(**{"verify": context(), **options})


def share_with_sdk() -> None:
    """Let the SDK's asynchronous clients use the context; may be called again."""
    setattr(sdk_transport, "httpx", _Httpx())  # noqa: B010  # mypy: it is declared a module

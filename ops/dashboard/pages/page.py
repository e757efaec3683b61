"""Page: one screen. Its parts are rendered for the first answer and again for the stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.dashboard.desk import Desk

Params = Mapping[str, str]
Context = dict[str, Any]


class NoSuchThing(Exception):
    """The page is about something that does not exist; the text says what."""


@dataclass(frozen=True, slots=True)
class Page:
    """A screen: where it is, how it is called, and how its figures are read.

    `parts` are templates in templates/parts; each fills the element `part-<name>` of the page
    and is replaced there when it changes.
    """

    name: str
    path: str
    title: str
    parts: tuple[str, ...]
    read: Callable[[Desk, Params], Awaitable[Context]]
    menu: bool = True


def whole_number(text: str | None, otherwise: int, most: int) -> int:
    """Return a number from a query string, within bounds."""
    if text is None or not text.isdigit() or len(text) > 9:
        return otherwise
    return min(int(text), most)

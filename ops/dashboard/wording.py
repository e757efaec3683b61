"""Wording: how values are shown. Everything returned is plain text; the templates escape it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from markupsafe import Markup, escape

STAGES = {
    "not_entered": "not entered",
    "awaiting_approval": "waits for you",
    "unknown": "order unknown",
}
TONES = {
    "healthy": "good",
    "warning": "warn",
    "degraded": "warn",
    "unhealthy": "bad",
    "active": "good",
    "reducing": "warn",
    "halted": "bad",
    "holding": "good",
    "settled": "calm",
    "entering": "live",
    "exiting": "live",
    "screening": "live",
    "watching": "calm",
    "awaiting_approval": "warn",
    "unknown": "bad",
    "abandoned": "warn",
    "high": "bad",
    "normal": "calm",
    "enter": "good",
    "watch": "calm",
    "hold": "calm",
    "ignore": "calm",
}


def dollars(value: Decimal | None, signed: bool = False) -> str:
    """Return money: two places, more only below a cent; a dash for what is not known."""
    if value is None:
        return "–"
    places = 2 if abs(value) >= Decimal("0.01") or not value else 4
    sign = "+" if signed and value > 0 else "−" if value < 0 else ""
    return f"{sign}${abs(value):,.{places}f}"


def number(value: Decimal | int | None) -> str:
    """Return a price or a number of shares without needless zeros."""
    if value is None:
        return "–"
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def when(value: datetime | None) -> Markup:
    """Return a time element; the page's script adds how long ago that was."""
    if value is None:
        return Markup("–")
    shown = value.strftime("%Y-%m-%d %H:%M:%S")  # stored times are UTC
    text = shown[11:] if value.date() == datetime.now(UTC).date() else shown[:16]
    machine = value.isoformat(timespec="milliseconds")
    return Markup(f'<time datetime="{machine}" title="{shown} UTC">{text}</time>')  # noqa: S704 - digits


def word(value: object) -> str:
    """Return a state as people say it."""
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return STAGES.get(text, text.replace("_", " "))


def tone(value: object) -> str:
    """Return the CSS class of a state."""
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return TONES.get(text, "calm")


def badge(value: object) -> Markup:
    """Return a state as a coloured word; the word carries the meaning, not the colour."""
    return Markup(f'<span class="badge {tone(value)}">{escape(word(value))}</span>')  # noqa: S704  # escaped just here


def profit_tone(value: Decimal | None) -> str:
    """Return the CSS class of a profit."""
    if value is None or not value:
        return ""
    return "gain" if value > 0 else "loss"


def title(value: object, most: int = 90) -> str:
    """Return untrusted text on one line, cut."""
    clean = "".join(c if c.isprintable() else " " for c in str(value))
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def short(value: object) -> Markup:
    """Return an id, shortened, with the whole of it on hover and for copying."""
    text = str(value)
    cut = text if len(text) <= 16 else f"{text[:10]}…{text[-4:]}"
    return Markup(f'<code title="{escape(text)}">{escape(cut)}</code>')  # noqa: S704  # escaped just here


FILTERS = {
    "dollars": dollars,
    "number": number,
    "when": when,
    "word": word,
    "tone": tone,
    "badge": badge,
    "profit_tone": profit_tone,
    "title_line": title,
    "short": short,
}

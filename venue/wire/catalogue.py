"""Markets as Gamma and the CLOB describe them (facts 2.3, 5.1), and how they ended (6.2)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.book import Book, Level
from domain.market import Fee, Market, Token
from domain.money import MICRO, ONE, ZERO, Price, Shares, price, shares
from venue.errors import Drift
from venue.records import CataloguePage, TradingFacts
from venue.wire import fields
from venue.wire.fields import Row

PROTOCOLS = ("v1", "v2")
_DEFAULT_TICK = Decimal("0.01")
_DEFAULT_MIN_SIZE = Decimal(5)
_PLACEHOLDERS = ("other",)  # of augmented events; named placeholders are "Person A" and the like
_HALF = Price(Decimal("0.5"))


class Unusable(Drift):
    """A market row we leave out on purpose; `reason` is counted."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def gamma_page(value: Any) -> CataloguePage:
    """Return one keyset page; rows we cannot use are counted, never guessed at."""
    source = fields.row(value, "a page of markets")
    markets: list[Market] = []
    skipped: dict[str, int] = {}
    for item in fields.rows(source.get("markets"), "markets"):
        try:
            markets.append(fields.guarded(lambda item=item: gamma_market(item), "a market"))  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        except Drift as cause:
            reason = cause.reason if isinstance(cause, Unusable) else "malformed"
            skipped[reason] = skipped.get(reason, 0) + 1
    cursor = fields.optional_text(source, "next_cursor")
    return CataloguePage(markets=tuple(markets), skipped=skipped, next_cursor=cursor)


def gamma_market(source: Row) -> Market:
    """Return the market of one Gamma row.

    Identifiers are chosen by `version`, even where both kinds exist (facts 5.1).

    Raises:
        Unusable: unknown protocol version, or no tokens yet (just created).
        Drift: a field is not what it should be.
    """
    protocol = fields.optional_text(source, "version") or "v1"
    if protocol not in PROTOCOLS:
        raise Unusable("protocol", f"expected protocol v1 or v2, was {protocol!r}")
    event = _event(source)
    tags = _tags(source, event)
    return Market(
        condition_id=_condition(source, protocol),
        question=fields.optional_text(source, "question") or "",
        slug=fields.optional_text(source, "slug") or "",
        group_title=_group_title(source),
        category=_category(source, event, tags),
        tags=tags,
        event_id=fields.optional_text(event, "id"),
        end_time=fields.instant(source, "endDate", "endDateIso"),
        tokens=_tokens(source, "positionIds" if protocol == "v2" else "clobTokenIds"),
        tick=_tick(fields.optional_number(source, "orderPriceMinTickSize") or _DEFAULT_TICK),
        min_size=_size(fields.optional_number(source, "orderMinSize") or _DEFAULT_MIN_SIZE),
        fee=_gamma_fee(source),
        neg_risk=fields.flag(source, "negRisk"),
        augmented_neg_risk=_augmented(source, event),
        protocol=protocol,
        active=fields.flag(source, "active"),
        closed=fields.flag(source, "closed"),
        accepting_orders=fields.flag(source, "acceptingOrders")
        and fields.flag(source, "enableOrderBook", default=True),
        resolution_status=fields.optional_text(source, "umaResolutionStatus")
        or fields.optional_text(source, "resolutionStatus"),
    )


def gamma_payouts(source: Row) -> dict[str, Price] | None:
    """Return what each token pays by Gamma, or None while it does not say so for certain."""
    status = fields.optional_text(source, "umaResolutionStatus") or fields.optional_text(
        source, "resolutionStatus"
    )
    if not fields.flag(source, "closed") or status != "resolved":
        return None
    prices = [
        _price(fields.as_number(p, "outcomePrices"))
        for p in fields.encoded_list(source, "outcomePrices")
    ]
    tokens = gamma_market(source).tokens
    if len(prices) != len(tokens) or not _settled(prices):
        return None
    return {token.token_id: at for token, at in zip(tokens, prices, strict=True)}


def clob_payouts(value: Any) -> dict[str, Price] | None:
    """Return what each token pays by the CLOB's market object, or None while it is open."""
    source = fields.row(value, "a market")
    tokens = fields.rows(source.get("tokens"), "tokens")
    if not fields.flag(source, "closed"):
        return None
    if fields.flag(source, "is_50_50_outcome"):
        return {fields.text(token, "token_id"): _HALF for token in tokens}
    winners = [token for token in tokens if fields.flag(token, "winner")]
    if len(winners) != 1:
        return None  # closed, not decided yet
    return {
        fields.text(token, "token_id"): Price(ONE if token is winners[0] else ZERO)
        for token in tokens
    }


def trading_facts(value: Any, read_at: datetime) -> TradingFacts:
    """Return what `/clob-markets/{condition}` says; its one-letter keys are in facts 2.3."""
    source = fields.row(value, "a market")
    curve = fields.row(source.get("fd") or {}, "a fee curve")
    return TradingFacts(
        condition_id=fields.text(source, "c").lower(),
        tick=_tick(fields.number(source, "mts")),
        min_size=_size(fields.number(source, "mos")),
        accepting=fields.flag(source, "ao"),
        neg_risk=fields.flag(source, "nr"),
        taker_delay=fields.flag(source, "itode"),
        fee_rate=fields.optional_number(curve, "r") or ZERO,
        fee_exponent=_exponent(fields.optional_number(curve, "e")),
        fee_taker_only=fields.flag(curve, "to", default=True),
        token_ids=tuple(fields.text(t, "t") for t in fields.rows(source.get("t"), "tokens")),
        protocol=fields.optional_text(source, "v") or "v1",
        read_at=read_at,
    )


def book(value: Any, seen_at: datetime) -> Book:
    """Return the book of one token; levels with nothing in them are left out."""
    source = fields.row(value, "a book")
    last = fields.optional_number(source, "last_trade_price")
    return Book(
        token_id=fields.text(source, "asset_id"),
        condition_id=fields.text(source, "market").lower(),
        bids=_levels(source, "bids"),
        asks=_levels(source, "asks"),
        tick=_tick(fields.optional_number(source, "tick_size") or _DEFAULT_TICK),
        min_size=_size(fields.optional_number(source, "min_order_size") or _DEFAULT_MIN_SIZE),
        neg_risk=fields.flag(source, "neg_risk"),
        last_trade=None if last is None else _price(last),
        venue_time=fields.instant(source, "timestamp"),
        seen_at=seen_at,
        hash=fields.optional_text(source, "hash") or "",
    )


def _levels(source: Row, key: str) -> tuple[Level, ...]:
    return tuple(
        Level(price=_price(fields.number(item, "price")), shares=size)
        for item in fields.rows(source.get(key) or [], key)
        if (size := _size(fields.number(item, "size"))) > 0
    )


def _tokens(source: Row, key: str) -> tuple[Token, ...]:
    ids = fields.encoded_list(source, key)
    outcomes = fields.encoded_list(source, "outcomes")
    if not ids:
        raise Unusable("no_tokens", f"expected token ids in {key!r}, was none")
    if len(ids) != len(outcomes) or not all(isinstance(i, str) for i in ids + outcomes):
        raise Drift(f"expected one outcome for each of {len(ids)} tokens, was {len(outcomes)}")
    return tuple(
        Token(token_id=token, outcome=outcome, index=index)
        for index, (token, outcome) in enumerate(zip(ids, outcomes, strict=True))
    )


def _condition(source: Row, protocol: str) -> str:
    """The condition as the CLOB and the Data API want it: v2 ids of 31 bytes are padded to 32."""
    found = fields.text(source, "conditionId").lower()
    return f"{found}00" if protocol == "v2" and len(found) == len("0x") + 62 else found


def _event(source: Row) -> Row:
    events = source.get("events") or []
    return events[0] if isinstance(events, list) and events and isinstance(events[0], dict) else {}


def _tags(source: Row, event: Row) -> tuple[str, ...]:
    found = source.get("tags") or event.get("tags") or []
    if not isinstance(found, list):
        return ()
    labels = (t.get("label") or t.get("slug") if isinstance(t, dict) else t for t in found)
    return tuple(label for label in labels if isinstance(label, str) and label)


def _category(source: Row, event: Row, tags: tuple[str, ...]) -> str | None:
    """Old `category` field, the event's, the first tag, else the fee class (`crypto_fees_v2`)."""
    named = fields.optional_text(source, "category") or fields.optional_text(event, "category")
    if named or tags:
        return named or tags[0]
    fee_class = fields.optional_text(source, "feeType")
    return fee_class.split("_fees", 1)[0].capitalize() if fee_class else None


def _group_title(source: Row) -> str:
    named = fields.optional_text(source, "groupItemTitle")
    return named or ("Other" if fields.flag(source, "negRiskOther") else "")


def _augmented(source: Row, event: Row) -> bool:
    """Whether this outcome may be a placeholder of an augmented neg-risk event (facts 5.1)."""
    title = _group_title(source).lower()
    in_event = fields.flag(event, "negRiskAugmented") or fields.flag(source, "negRiskAugmented")
    return (
        in_event
        or fields.flag(source, "negRiskOther")
        or (fields.flag(source, "negRisk") and title in _PLACEHOLDERS)
    )


def _gamma_fee(source: Row) -> Fee:
    curve = source.get("feeSchedule")
    if not isinstance(curve, dict) or not fields.flag(source, "feesEnabled", default=True):
        return Fee()
    return Fee(
        rate=fields.optional_number(curve, "rate") or ZERO,
        exponent=_exponent(fields.optional_number(curve, "exponent")),
        taker_only=fields.flag(curve, "takerOnly", default=True),
    )


def _exponent(value: Decimal | None) -> int:
    if value is None:
        return 1
    if value != int(value) or not 0 <= value <= 10:
        raise Drift(f"expected a small whole exponent of the fee, was {value}")
    return int(value)


def _settled(prices: list[Price]) -> bool:
    """Whether prices are a final payout: one wins, or all share equally."""
    return sorted(prices) == [ZERO] * (len(prices) - 1) + [ONE] or all(p == _HALF for p in prices)


def _price(value: Decimal) -> Price:
    if not ZERO <= value <= ONE:
        raise Drift(f"expected a price from 0 to 1, was {value}")
    return price(value)


def _tick(value: Decimal) -> Price:
    if value < MICRO:
        raise Drift(f"expected a tick of at least {MICRO}, was {value}")
    return _price(value)


def _size(value: Decimal) -> Shares:
    if value < 0:
        raise Drift(f"expected a size of at least 0, was {value}")
    return shares(value)

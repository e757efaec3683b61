"""What an HTTP answer proves, as a table of the venue's sentences (facts 2.10).

The only place that matches the venue's words. Rules, in order of safety:
nothing readable proves nothing; a sentence we know proves what the table says; one nobody has met
proves nothing of an order (facts 13), and of other requests that a 4xx had no effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from domain.money import MICRO, ZERO, Shares, shares
from domain.orders import Landing, OrderStatus
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown, VenueError
from venue.records import Post
from venue.wire import fields

KILLED, NOT_READY, REFUSED, UNKNOWN = (
    Landing.KILLED,
    Landing.NOT_READY,
    Landing.REFUSED,
    Landing.UNKNOWN,
)
K = RefusalKind


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the venue: a lower-case part of it and what it proves."""

    part: str
    landing: Landing
    kind: RefusalKind | None = None


# First match wins: the narrow before the wide.
SENTENCES: tuple[Sentence, ...] = (
    # killed: the order was valid, nothing matched, it is over
    Sentence("no orders found to match with fak order", KILLED),
    Sentence("fok orders are fully filled or killed", KILLED),
    # neither yes nor no
    Sentence("order match delayed due to market conditions", UNKNOWN),
    Sentence("could not run the execution", UNKNOWN),
    Sentence("could not insert order", UNKNOWN),
    Sentence("order timed out", UNKNOWN),
    Sentence("there are no matching orders", UNKNOWN),
    Sentence("the trade contains rounding issues", UNKNOWN),
    Sentence("discrepancy greater than allowed", UNKNOWN),
    # later
    Sentence("not yet ready to process new orders", NOT_READY, K.MARKET),
    Sentence("post-only mode", NOT_READY),
    Sentence("cancel-only", NOT_READY),
    Sentence("trading is currently disabled", NOT_READY),
    Sentence("trading is disabled", NOT_READY),
    Sentence("rate limit exceeded", NOT_READY),
    Sentence("too many requests", NOT_READY),
    Sentence("quota exceeded", NOT_READY),
    Sentence("owner has to be the owner of the api key", REFUSED, K.IDENTITY),  # never
    Sentence("signer address has to be the address of the api key", REFUSED, K.IDENTITY),
    Sentence("address banned", REFUSED, K.BANNED),
    Sentence("in closed only mode", REFUSED, K.CLOSED_ONLY),
    Sentence("invalid signature", REFUSED, K.SIGNATURE),
    Sentence("invalid order version", REFUSED, K.VERSION),
    Sentence("order_version_mismatch", REFUSED, K.VERSION),
    Sentence("breaks minimum tick size", REFUSED, K.TICK),
    Sentence("lower than the minimum", REFUSED, K.SIZE),
    Sentence("invalid amount for a marketable", REFUSED, K.NOTIONAL),
    Sentence("invalid amounts", REFUSED, K.ROUNDING),
    Sentence("crosses the book", REFUSED, K.CROSSES),
    Sentence("order crosses book", REFUSED, K.CROSSES),
    Sentence("not enough balance / allowance", REFUSED, K.FUNDS),
    Sentence("balance is not enough", REFUSED, K.FUNDS),
    Sentence("allowance is not enough", REFUSED, K.FUNDS),
    Sentence("invalid expiration", REFUSED, K.EXPIRATION),
    Sentence("invalid nonce", REFUSED, K.EXPIRATION),
    Sentence("canceled in the ctf exchange contract", REFUSED, K.ENDED),
    Sentence("too many orders in payload", REFUSED, K.PAYLOAD),
    Sentence("invalid order payload", REFUSED, K.PAYLOAD),
    Sentence("payload exceeds the limit", REFUSED, K.PAYLOAD),
    Sentence("invalid orderid", REFUSED, K.PAYLOAD),
    Sentence("invalid api key", REFUSED, K.AUTH),
    Sentence("invalid l1 request headers", REFUSED, K.AUTH),
    Sentence("invalid l2 request headers", REFUSED, K.AUTH),
    Sentence("invalid authorization", REFUSED, K.AUTH),
    Sentence("no orderbook exists", REFUSED, K.MARKET),
    Sentence("market not found", REFUSED, K.MARKET),
    Sentence("order not found", REFUSED, K.NOT_FOUND),
    Sentence("trading restricted in your region", REFUSED, K.BLOCKED),
)
_DUPLICATED = re.compile(r"order (0x[0-9a-f]{64}) is invalid\. duplicated", re.IGNORECASE)
_STATUS_KINDS = {401: K.AUTH, 403: K.BLOCKED, 404: K.NOT_FOUND}
_AT_THE_DOOR = (401, 403)  # refused before anybody looked at the order
_ABSURD = 1000  # no price improvement gives this many times the shares asked for
_RETRY_CAP = timedelta(hours=1)  # a longer wait than this is not an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, stripped of the transport."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the parsed body; ValueError when it is not JSON."""
        return fields.parse(self.body)

    def words(self) -> str | None:
        """Return the venue's error sentence, or None when the body is not a JSON error."""
        try:
            found = self.json()
        except ValueError:
            return None
        if not isinstance(found, dict):
            return None
        named = found.get("error") or found.get("errorMsg") or found.get("error_msg")
        return named if isinstance(named, str) else ""

    def retry_after(self) -> timedelta | None:
        """Return how long the venue asks to wait, from the header or the body."""
        header = {k.lower(): v for k, v in self.headers.items()}.get("retry-after")
        found = _seconds(header)
        if found is None:
            try:
                body = self.json()
            except ValueError:
                return None
            found = _seconds(body.get("retry_after_seconds")) if isinstance(body, dict) else None
        return found


@dataclass(frozen=True, slots=True)
class Posted:
    """What we know of the order an answer must be about."""

    order_id: str
    resting: bool  # GTC and GTD stay on the book; FAK and FOK do not
    buys: bool
    shares: Decimal  # what the order asks for


def post_answer(answer: Answer, order: Posted, *, earlier_unanswered: bool = False) -> Post:
    """Return what one answer to POST /order proves about this order.

    Raises:
        Drift: the answer speaks of another order than ours.
    """
    found = _attempt(answer, order)
    return unanswered(found) if earlier_unanswered else found


def unanswered(found: Post) -> Post:
    """Return the verdict when an earlier post of the same bytes was never answered.

    Only proof that the venue knows the order outweighs it; a refusal, a kill or a "later" of
    this attempt says nothing of that one.
    """
    if found.attempt is Landing.LANDED:
        return found
    return found.model_copy(update={"landing": UNKNOWN, "matched": None})


def error_of(answer: Answer) -> VenueError:
    """Return the error that a failed answer to anything but POST /order means."""
    words = answer.words()
    sentence = _sentence(words)
    text = f"HTTP {answer.status}: {words or 'no readable body'}"
    if answer.status in (425, 429) or (sentence and sentence.landing is NOT_READY):
        return NotReady(text, answer.retry_after())
    if answer.status == 503:
        return NotReady(text, answer.retry_after())
    if answer.status >= 500 or answer.status < 400:
        return Unknown(text)
    if words is None and answer.status not in (401, 403):
        return Unknown(text)  # a page of something between us and the venue
    if sentence and sentence.kind:
        return Refused(sentence.kind, text)
    return Refused(_STATUS_KINDS.get(answer.status, K.OTHER), text)


def _attempt(answer: Answer, order: Posted) -> Post:
    words = answer.words()
    if words is None:
        return _unreadable(answer)
    twin = _DUPLICATED.search(words)
    if twin:
        _same_order(twin.group(1), order)
        return _post(Landing.LANDED, text=words, duplicated=True)
    if answer.status == 200:
        return _accepted(answer.json(), words, order)
    return _rejected(answer, words, order)


def _unreadable(answer: Answer) -> Post:
    """A body that is no JSON object: HTML, empty, cut. Throttles and restarts act before it."""
    text = f"HTTP {answer.status} without a readable body"
    if answer.status in (425, 429):
        return _post(NOT_READY, text=text, retry_after=answer.retry_after())
    return _post(UNKNOWN, text=text)


def _accepted(body: dict[str, Any], words: str, order: Posted) -> Post:
    """HTTP 200: success means our id and no error text; `success: true` alone means nothing."""
    named = body.get("orderID")
    if words:
        if named:
            _same_order(named, order)
        return _from_words(words, None, known=bool(named))
    if not named:
        return _post(UNKNOWN, text="HTTP 200 without an order id")
    _same_order(named, order)
    word = body.get("status")
    # a FAK answered `live` has been seen to fill later: nothing is settled by that word
    rests = word == "live" and order.resting
    return _post(
        Landing.LANDED,
        status=OrderStatus.LIVE if rests else None,
        matched=_matched(body, order) if rests or word == "matched" else None,
        text=word if isinstance(word, str) else "",
        trade_ids=_trade_ids(body.get("tradeIDs")),
    )


def _matched(body: dict[str, Any], order: Posted) -> Shares | None:
    """Shares executed at once: what a BUY took, what a SELL gave. Empty text is none."""
    said = body.get("takingAmount" if order.buys else "makingAmount")
    try:
        found = ZERO if said == "" else fields.as_number(said, "amount")
    except Drift:
        return None
    if found > order.shares * _ABSURD:  # six-decimal integers, as the documentation prints them
        found = found * MICRO
    return shares(found) if found >= 0 else None


def _rejected(answer: Answer, words: str, order: Posted) -> Post:
    body = answer.json()
    if body.get("orderID"):
        _same_order(body["orderID"], order)
    if answer.status in (425, 429):
        return _post(NOT_READY, text=words, retry_after=answer.retry_after())
    if answer.status >= 500:
        # only a 503 tells of a mode: behind any other 5xx the engine may have run before it failed
        later = _sentence(words) if answer.status == 503 else None
        landing = NOT_READY if later and later.landing is NOT_READY else UNKNOWN
        return _post(landing, text=words, retry_after=answer.retry_after())
    if answer.status < 400:
        return _post(UNKNOWN, text=words)
    return _from_words(words, answer, known=bool(body.get("orderID")))


def _from_words(words: str, answer: Answer | None, *, known: bool) -> Post:
    """What a known sentence says; one nobody has met proves nothing: look the order up."""
    sentence = _sentence(words)
    retry_after = answer.retry_after() if answer else None
    if sentence is not None:
        return _post(sentence.landing, text=words, kind=sentence.kind, retry_after=retry_after)
    if answer is not None and answer.status in _AT_THE_DOOR and not known:
        return _post(REFUSED, text=words, kind=_STATUS_KINDS[answer.status])
    return _post(UNKNOWN, text=words, retry_after=retry_after)


def _post(landing: Landing, **said: Any) -> Post:
    if landing is REFUSED and said.get("kind") is None:
        said["kind"] = K.OTHER
    if landing in (KILLED, REFUSED):
        said["matched"] = Shares(ZERO)
    return Post(landing=landing, attempt=landing, **said)


def _sentence(words: str | None) -> Sentence | None:
    low = (words or "").lower()
    return next((s for s in SENTENCES if s.part in low), None)


def _same_order(named: Any, order: Posted) -> None:
    if not isinstance(named, str) or named.lower() != order.order_id.lower():
        raise Drift(
            f"expected an answer about order {order.order_id}, was about {fields.shown(named)}"
        )


def _trade_ids(value: Any) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _seconds(value: Any) -> timedelta | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        found = timedelta(seconds=float(fields.as_number(value, "retry_after")))
    except (Drift, OverflowError):
        return None
    return min(found, _RETRY_CAP) if found >= timedelta(0) else None

"""The venue's own catalogue of errors (facts 2.10), line by line: what each sentence proves."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from domain.orders import Landing
from venue.classify import Answer, Posted, post_answer
from venue.errors import RefusalKind as K

FACTS = Path(__file__).parents[3] / "shared" / "facts" / "polymarket.md"
ID = "0x" + "ab" * 32
POSTED = Posted(order_id=ID, resting=False, buys=True, shares=Decimal(20))
LANDED, KILLED, REFUSED, NOT_READY, UNKNOWN = (
    Landing.LANDED,
    Landing.KILLED,
    Landing.REFUSED,
    Landing.NOT_READY,
    Landing.UNKNOWN,
)
Verdict = tuple[Landing, K | None]

# Line of the catalogue → HTTP status, sentences, verdict. `<id>` is our order's.
CATALOGUE: list[tuple[int, tuple[str, ...], Verdict]] = [
    (400, ("Invalid order payload",), (REFUSED, K.PAYLOAD)),
    (400, ("the order owner has to be the owner of the API KEY",), (REFUSED, K.IDENTITY)),
    (
        400,
        ("the order signer address has to be the address of the API KEY",),
        (REFUSED, K.IDENTITY),
    ),
    (400, ("'0xf39F' address banned",), (REFUSED, K.BANNED)),
    (400, ("'0xf39F' address in closed only mode",), (REFUSED, K.CLOSED_ONLY)),
    (400, ("invalid signature",), (REFUSED, K.SIGNATURE)),
    (
        400,
        (
            "invalid order version, please use the latest clob-client",
            "order_version_mismatch",
        ),
        (REFUSED, K.VERSION),
    ),
    (
        400,
        ("order <id> is invalid. Price (0.455) breaks minimum tick size rule: 0.01",),
        (REFUSED, K.TICK),
    ),
    (400, ("order <id> is invalid. Size (2) lower than the minimum: 5",), (REFUSED, K.SIZE)),
    (400, ("order <id> is invalid. Duplicated.",), (LANDED, None)),
    (
        400,
        ("order <id> crosses the book", "invalid post-only order: order crosses book"),
        (REFUSED, K.CROSSES),
    ),
    (
        400,
        (
            "not enough balance / allowance",
            "not enough balance / allowance: the balance is not enough -> balance: 5, "
            "order amount: 20000000",
            "not enough balance / allowance: the allowance is not enough -> allowance: 5, "
            "order amount: 20000000",
            "not enough balance / allowance: the balance is not enough -> balance: 30000000, "
            "sum of matched orders: 20000000, order amount: 20000000",
        ),
        (REFUSED, K.FUNDS),
    ),
    (400, ("invalid expiration", "invalid nonce"), (REFUSED, K.EXPIRATION)),
    (400, ("order canceled in the CTF exchange contract",), (REFUSED, K.ENDED)),
    (400, ("order match delayed due to market conditions",), (UNKNOWN, None)),
    (
        400,
        ("order couldn't be fully filled. FOK orders are fully filled or killed.",),
        (KILLED, None),
    ),
    (
        400,
        (
            "no orders found to match with FAK order. FAK orders are partially filled or killed "
            "if no match is found.",
        ),
        (KILLED, None),
    ),
    (400, ("the market is not yet ready to process new orders",), (NOT_READY, K.MARKET)),
    (
        400,
        (
            "invalid amounts, the market buy orders maker amount supports a max accuracy of 2 "
            "decimals, taker amount a max of 4 decimals",
        ),
        (REFUSED, K.ROUNDING),
    ),
    (
        400,
        ("invalid amount for a marketable BUY order ($0.5), min size: $1",),
        (REFUSED, K.NOTIONAL),
    ),
    (400, ("Too many orders in payload: 16, max allowed: 15",), (REFUSED, K.PAYLOAD)),
    (401, ("Unauthorized/Invalid api key", "Invalid L1 Request headers"), (REFUSED, K.AUTH)),
    (403, ("Trading restricted in your region",), (REFUSED, K.BLOCKED)),
    (404, ("No orderbook exists for the requested token id",), (REFUSED, K.MARKET)),
    (404, ("market not found",), (REFUSED, K.MARKET)),
    (404, ("Order not found",), (REFUSED, K.NOT_FOUND)),
    (425, ("Too Early", ""), (NOT_READY, None)),
    (429, ("Too Many Requests", "quota exceeded"), (NOT_READY, None)),
    (
        500,
        (
            "could not insert order",
            "could not run the execution",
            "there are no matching orders",
            "FOK orders are filled or killed",
            "the trade contains rounding issues",
            "the price of the taker's order has a discrepancy greater than allowed with the worst "
            "maker order",
            "order timed out",
        ),
        (UNKNOWN, None),
    ),
    (
        503,
        ("post-only mode: only post-only orders and cancels are allowed",),
        (NOT_READY, None),
    ),
    (
        503,
        (
            "Trading is currently cancel-only. New orders are not accepted, but cancels are "
            "allowed.",
        ),
        (NOT_READY, None),
    ),
    (
        503,
        (
            "Trading is currently disabled. Check polymarket.com for updates",
            "trading is disabled",
        ),
        (NOT_READY, None),
    ),
]
CASES = [(http, text, verdict) for http, texts, verdict in CATALOGUE for text in texts]


def answered(status: int, text: str) -> Answer:
    body = {"error": text.replace("<id>", ID)}
    if "orders are" in text and status == 400:
        body["orderID"] = ID  # kills name their order
    return Answer(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(("status", "text", "verdict"), CASES)
def test_a_sentence_of_the_catalogue_proves_what_it_proves(
    status: int, text: str, verdict: Verdict
) -> None:
    found = post_answer(answered(status, text), POSTED)
    assert (found.landing, found.kind) == verdict


@pytest.mark.parametrize(("status", "text", "verdict"), CASES)
def test_a_sentence_in_a_failure_of_the_server_proves_nothing(
    status: int, text: str, verdict: Verdict
) -> None:
    """V-13: only the modes of a 503 are believed."""
    found = post_answer(answered(500, text), POSTED)
    assert found.landing in (UNKNOWN, LANDED) and (found.landing is LANDED) is (
        "Duplicated" in text and found.duplicated
    )


@pytest.mark.skipif(not FACTS.exists(), reason="the fact sheet is not on this machine")
def test_the_catalogue_of_the_fact_sheet_has_no_sentence_that_this_one_lacks() -> None:
    section = FACTS.read_text().partition("### 2.10")[2].partition("### 2.11")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| ")]
    told = [(int(http), words.strip()) for http, words in rows if http.strip().isdigit()]
    ours = " ".join(text.lower() for _, text, _ in CASES)
    for status, words in told:
        assert any(http == status for http, _, _ in CASES), status
        first = words.replace("<addr>", "0xf39F").split(" (")[0].split(";")[0].split(" / ")[0]
        start = first.split("<")[0].split(":")[0].strip("'\u2026. ").lower()
        if status not in (403, 425):  # told by what they are, not by a sentence
            assert start[:20] in ours, words

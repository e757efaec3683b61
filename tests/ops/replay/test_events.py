"""ops/replay/events.py: our own tape format, told as events of a replay"""

from decimal import Decimal as D
from pathlib import Path

import pytest

from ops.replay.errors import NotATape
from ops.replay.events import Levels, Oracle, Resolved, Ticked, Traded, moment, open_tape
from sim import tape

FIRST = 1_790_000_000_000
MARKET = tape.TapeMarket(
    condition_id="0xa",
    tokens=("1", "2"),
    outcomes=("Up", "Down"),
    question="Up or down?",
    slug="up",
    start_ms=FIRST,
    end_ms=FIRST + 900_000,
    fee_rate="0.07",
    category="crypto",
    tags=("BTC",),
)
EVENTS: tuple[tape.Event, ...] = (
    tape.Book(0, 0, ((940_000, 5_000_000),), ((950_000, 6_000_000),)),
    tape.Changes(10, 0, (("B", 940_000, 0), ("A", 960_000, 7_000_000))),
    tape.Print(20, 0, 60_000, 8_000_000, "BUY", 1),
    tape.Tick(30, 0, 1_000),
    tape.Dispute(40, 0, "proposed"),
    tape.Resolve(50, 0, (1_000_000, 0)),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "small.jsonl.zst"
    header = tape.Header(
        source="a test", attribution="me", first_ms=FIRST, span_ms=50, markets=(MARKET,)
    )
    with tape.Writer(target, header, level=1) as writer:
        for event in EVENTS:
            writer.write(event)
    return target


def test_a_tape_tells_its_markets(path: Path) -> None:
    made = open_tape(path)
    (market,) = made.markets
    assert (made.source, made.attribution) == ("a test", "me")
    assert (market.question, market.category, market.tags) == ("Up or down?", "crypto", ("BTC",))
    assert market.end_time == moment(FIRST + 900_000) and market.fee.rate == D("0.07")
    assert [(t.token_id, t.outcome, t.index) for t in market.tokens] == [
        ("1", "Up", 0),
        ("2", "Down", 1),
    ]
    assert (market.tick, market.min_size) == (D("0.01"), D(5))


def test_a_tape_tells_its_events_at_their_own_time(path: Path) -> None:
    assert list(open_tape(path).events) == [
        Levels(FIRST, "0xa", ((940_000, 5_000_000),), ((950_000, 6_000_000),), whole=True),
        Levels(FIRST + 10, "0xa", ((940_000, 0),), ((960_000, 7_000_000),)),
        Traded(FIRST + 20, "0xa", "2", 60_000, 8_000_000),
        Ticked(FIRST + 30, "0xa", 1_000),
        Oracle(FIRST + 40, "0xa", "proposed"),
        Resolved(FIRST + 50, "0xa", (1_000_000, 0)),
    ]


def test_a_file_that_is_no_tape_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotATape, match="nothing"):
        open_tape(tmp_path / "nothing.zst")


def test_a_cut_tape_is_named_when_its_end_is_missing(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NotATape):
        list(open_tape(path).events)


def test_a_moment_is_exact_to_the_millisecond() -> None:
    assert moment(1_790_000_000_123).microsecond == 123_000

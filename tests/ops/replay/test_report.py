"""ops/replay/report.py and picture.py, and the command that makes them"""

import json
from pathlib import Path

import pytest

from ops.cli.main import main
from ops.replay.events import Event
from ops.replay.picture import profit_steps, write_pictures
from ops.replay.report import wilson
from tests.ops.replay.recordings import book, market, play, resolved, traded

TAPE = "data/tapes/btc15m.jsonl.zst"
TOUCH: list[Event] = [book(0, 94, 95), traded(1, 94), traded(2, 95)]


@pytest.mark.parametrize(
    ("won", "of", "interval"),
    [
        (0, 0, (None, None)),
        (18, 18, ("0.8241", "1.0000")),
        (0, 10, ("0.0000", "0.2775")),
        (97, 100, ("0.9155", "0.9897")),
    ],
)
def test_q17_a_win_rate_comes_with_wilsons_interval(
    won: int, of: int, interval: tuple[str | None, str | None]
) -> None:
    assert wilson(won, of) == interval


def test_q17_the_rate_needed_to_lose_nothing_counts_the_fees() -> None:
    wins = play([*TOUCH, resolved(9, 1, 0)]).wins
    assert (wins.rate, wins.break_even) == ("1.0000", "0.9519")  # 0.95 and a fee of 0.0019
    none = play(TOUCH[:1]).wins
    assert (none.rate, none.low, none.break_even, none.ended) == (None, None, None, 0)


def test_reasons_are_counted_with_the_first_example() -> None:
    small: list[Event] = [traded(2 + n, cents, size=3) for n, cents in ((0, 95), (310, 96))]
    (row,) = play([*TOUCH[:2], *small]).reasons
    assert (row.verdict, row.filter, row.times) == ("ignore", "trade_size", 2)
    assert row.example == "trade of 3 shares is below 50"


def test_the_picture_shows_profit_step_by_step_and_the_page_stands_alone(tmp_path: Path) -> None:
    hostile = (market(question="<script>alert(1)</script> & more"),)
    report = play([*TOUCH, resolved(9, 0, 1)], markets=hostile)
    assert [round(total, 2) for _, total in profit_steps(report)] == [-20.04]
    png, page = write_pictures(report, tmp_path / "out")
    assert png.read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert "&lt;script&gt;" in text and "<script" not in text and "http" not in text
    assert "data:image/png;base64," in text


def test_a_replay_without_trades_has_a_picture_too(tmp_path: Path) -> None:
    png, _ = write_pictures(play(TOUCH[:1]), tmp_path / "empty")
    assert png.stat().st_size > 1000


def test_the_command_replays_the_recording_of_the_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every market touches; with the cap of the demo each is bought, with the default none."""
    target, prefix = tmp_path / "report.json", tmp_path / "plot"
    assert main(["replay", TAPE, "--report", str(target), "--plot", str(prefix)]) == 0
    said = capsys.readouterr().out
    report = json.loads(target.read_text())
    assert report["touches"] == len(report["trades"]) == report["markets"] == 18
    assert "Won 18 of 18" in said and "Resolved Markets" in said and "plot.html" in said
    assert float(report["profit_usd"]) > 10 and float(report["fees_usd"]) > 0.5
    assert main(["replay", TAPE, "--set", "entry.max_price=0.95", "--json"]) == 0
    capped = json.loads(capsys.readouterr().out)
    assert capped["trades"] == [] and capped["reasons"][0]["filter"] == "above_cap"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nothing.zst"], 1, "nothing.zst"),
        ([TAPE, "--strategy", "his"], 4, "expected a strategy among high_prob_yes, was 'his'"),
        ([TAPE, "--score", "2"], 4, "--score: expected a number from 0 to 1, was 2"),
        ([TAPE, "--score", "much"], 4, "was much"),
        ([TAPE, "--set", "entry.max_pric=1"], 4, "entry.max_pric"),
    ],
)
def test_bad_input_is_one_clear_message(
    arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", *arguments]) == code
    assert text in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "no" / "report.json"
    assert main(["replay", TAPE, "--score", "0", "--report", str(target)]) == 1
    assert "report.json: could not be written" in capsys.readouterr().err

"""ingest/shards.py"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.shards import Placement, Shard


@given(st.text(min_size=1), st.integers(1, 9))
def test_every_market_has_exactly_one_shard(condition_id: str, count: int) -> None:
    assert sum(Shard(i, count).owns(condition_id) for i in range(count)) == 1


@pytest.mark.parametrize("text", ["", "1", "1/1", "2/1", "a/b", "-1/2", "0/0", "1/2/3"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a shard"):
        Shard.parse(text)


def test_a_shard_is_written_i_of_n() -> None:
    assert Shard.parse("1/3") == Shard(1, 3)


@given(st.lists(st.sets(st.integers(0, 60).map(str)), max_size=12), st.integers(1, 7))
def test_placement_holds_what_is_wanted_and_moves_nothing_else(
    wishes: list[set[str]], room: int
) -> None:
    placement = Placement(room)
    held: dict[str, int] = {}
    for wish in wishes:
        moves = placement.want(sorted(wish))
        now = {token: s for s, tokens in placement.sockets.items() for token in tokens}
        assert now.keys() == wish
        assert all(0 < len(tokens) <= room for tokens in placement.sockets.values())
        assert all(now[token] == held[token] for token in held.keys() & wish)
        assert {t for m in moves for t in m.more} == wish - held.keys()
        assert {t for m in moves for t in m.less} == held.keys() - wish
        held = now


def test_thirty_thousand_tokens_fit_on_a_hundred_and_fifty_sockets() -> None:
    placement = Placement(200)
    placement.want(str(i) for i in range(30_000))
    assert len(placement.sockets) == 150

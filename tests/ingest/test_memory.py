"""ingest/memory.py"""

from __future__ import annotations

from datetime import timedelta

from ingest.memory import FOR_GOOD, Memory
from tests.ingest.samples import NOW

A_MINUTE = timedelta(minutes=1)


def test_a_taken_id_blocks_until_the_store_has_released_it() -> None:
    memory = Memory()
    memory.take("t", NOW)
    assert memory.blocks("t", NOW + timedelta(days=999))
    assert memory.agree({"t": FOR_GOOD}, NOW + A_MINUTE) == []
    assert memory.agree({}, NOW + A_MINUTE) == ["t"]
    assert not memory.blocks("t", NOW)


def test_an_id_just_taken_is_kept_although_the_store_does_not_know_it_yet() -> None:
    memory = Memory()
    memory.take("t", NOW)
    assert memory.agree({}, NOW - A_MINUTE) == [] and memory.blocks("t", NOW)


def test_a_rest_ends_by_itself() -> None:
    memory = Memory()
    assert memory.agree({"t": NOW + A_MINUTE}, NOW) == []
    assert memory.blocks("t", NOW) and memory.over(NOW) == []
    assert memory.over(NOW + A_MINUTE) == ["t"] and len(memory) == 0


def test_what_a_filter_refused_for_good_stays_refused_whatever_the_store_says() -> None:
    memory = Memory()
    memory.refuse("t")
    assert memory.agree({}, NOW) == [] and memory.over(NOW) == [] and memory.blocks("t", NOW)


def test_what_was_refused_for_good_is_pardoned_by_its_market_alone() -> None:
    memory = Memory()
    for one in ("a:0.95", "b:0.95"):
        memory.refuse(one)
    memory.take("a:0.9", NOW)
    assert memory.pardon({"a"}) == ["a:0.95"]
    assert len(memory) == 2 and memory.blocks("a:0.9", NOW) and memory.blocks("b:0.95", NOW)


def test_ids_that_another_ingest_took_are_learnt() -> None:
    memory = Memory()
    memory.agree({"t": FOR_GOOD}, NOW)
    assert memory.blocks("t", NOW)

"""ingest/metrics.py and ingest/__main__.py"""

from __future__ import annotations

import asyncio
import socket
import threading
import urllib.request
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.__main__ import credentials, main, plan
from ingest.metrics import IngestMetrics, from_loop, serve
from ingest.shards import Shard
from settings.load import load_settings
from settings.venue import hosts


async def test_metrics_are_served_on_loopback_as_they_are_now() -> None:
    counts = {"dispatch": {"started": 1}, "malformed": {"": 2}}
    ages = {"0": 0.5, "7": 12.0}
    gauges: dict[str, float | dict[str, float]] = {"sockets": 3.0, "socket_data_age_seconds": ages}
    metrics = IngestMetrics(lambda: gauges, lambda: counts)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop = serve(metrics, port)
    try:
        counts["dispatch"]["started"] = 7
        url = f"http://127.0.0.1:{port}/metrics"
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    finally:
        stop()
    assert "touchline_ingest_sockets 3.0" in text
    assert 'touchline_ingest_socket_data_age_seconds{socket="7"} 12.0' in text
    assert 'touchline_ingest_dispatch_total{what="started"} 7.0' in text
    assert 'touchline_ingest_malformed_total{what="frame"} 2.0' in text


async def test_eight_readers_beside_the_loop_see_every_count_and_never_half_of_one() -> None:
    """ING-L2: one writer, the loop; whoever else looks is answered in its thread."""
    counts: dict[str, int] = {"seen": 0, "kept": 0}
    loop, here, looked = asyncio.get_running_loop(), threading.get_ident(), Counter[int]()

    def read() -> dict[str, dict[str, int]]:
        looked[threading.get_ident()] += 1
        return {"frames": dict(counts)}

    metrics = IngestMetrics(lambda: {}, from_loop(loop, read))

    def reader() -> list[tuple[float, float]]:
        found = []
        for _ in range(25):
            (family,) = metrics.collect()
            values = {sample.labels["what"]: sample.value for sample in family.samples}
            found.append((values["seen"], values["kept"]))
        return found

    readers = [asyncio.create_task(asyncio.to_thread(reader)) for _ in range(8)]
    while not all(task.done() for task in readers):
        for _ in range(100):
            counts["seen"] += 1
            counts[f"new {counts['seen'] % 997}"] = 1  # the table grows
            counts["kept"] += 1
        await asyncio.sleep(0)
    for pairs in [await task for task in readers]:
        assert pairs == sorted(pairs) and all(seen == kept for seen, kept in pairs)
    assert set(looked) == {here} and looked[here] == 200
    (family,) = await asyncio.to_thread(lambda: list(metrics.collect()))
    assert family.samples[0].value == counts["seen"] > 0


async def test_a_loop_that_is_over_fails_the_reader_and_not_the_process() -> None:
    over = asyncio.new_event_loop()
    over.close()
    with pytest.raises(RuntimeError):
        await asyncio.to_thread(from_loop(over, dict))
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(from_loop(asyncio.get_running_loop(), lambda: 1 // 0))


def test_the_plan_notices_a_freeze_within_the_silence_that_was_set(tmp_path: Path) -> None:
    settings = load_settings(["ingest.silence=30s"], {"TOUCHLINE_STATE": str(tmp_path)}, tmp_path)
    made = plan(settings, Shard(1, 3))
    assert made.limits.doubt_after + made.limits.vouch_within < 30 and made.shard == Shard(1, 3)
    assert made.catalogue_every > timedelta(0) and made.rules_hash == settings.rules_hash
    assert hosts(settings).clob == settings.venue.clob_url


async def test_credentials_are_taken_as_set_and_none_without_a_wallet(tmp_path: Path) -> None:
    keys = ["venue.api_key=k", "venue.api_secret=s", "venue.api_passphrase=p"]
    environ = {"TOUCHLINE_STATE": str(tmp_path)}
    found = await credentials(load_settings(keys, environ, tmp_path))
    assert found is not None and (found.key, found.secret, found.passphrase) == ("k", "s", "p")
    assert await credentials(load_settings([], environ, tmp_path)) is None


@pytest.mark.parametrize("shard", ["2/2", "x"])
def test_a_shard_that_is_none_ends_with_the_code_of_misconfiguration(
    shard: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["ingest", "--shard", shard])
    assert main() == 4
    assert "expected a shard" in capsys.readouterr().err

"""Stream: is ingest alive, connected, and hearing prices. Silence from the start is no health."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.record import Record
from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.pulse import Heartbeat, Heartbeats

PROCESS = "ingest"
BEATS = timedelta(seconds=30)  # ingest beats every 2 s
KNOWN = timedelta(minutes=30)  # an instance silent for longer was stopped or replaced
SILENT = timedelta(seconds=300)  # without any data on some socket (spec 15)
AHEAD = timedelta(seconds=5)  # a heartbeat from the future means a wrong clock
BARE = 0.01  # share of the tokens that may lack their book: some listed markets never get one

ADVICE = "See its log; the supervisor restarts it. No touch is seen meanwhile, exits poll."


class StreamFacts(Record):
    """What a heartbeat of ingest says; fields that are missing count as nothing heard."""

    sockets: int = 0
    sockets_connected: int = 0
    tokens_wanted: int = 0
    tokens_overdue: int = 0  # without their book ten minutes after it was asked for
    frames: int = 0
    oldest_data_seconds: float | None = None


async def check(scene: Scene) -> Finding:
    """Return the worst of all ingest processes heard of lately, silent shards included."""
    now = scene.clock()
    beats = [b for b in await Heartbeats(scene.pool).all(now - KNOWN) if b.process == PROCESS]
    return judge(beats, now)


def judge(beats: list[Heartbeat], now: datetime) -> Finding:
    """Return what the heartbeats mean (MON-M1)."""
    alive = [beat for beat in beats if now - beat.at <= BEATS]
    if not alive:
        last = max((beat.at for beat in beats), default=None)
        text = "never heard of" if last is None else f"silent since {last:%H:%M:%S} UTC"
        return _finding(Status.UNHEALTHY, f"ingest {text}", ADVICE)
    if silent := _silent_shards(alive):
        text = f"nobody runs shard {' and '.join(silent)}"
        return _finding(Status.UNHEALTHY, text, ADVICE)
    ranked = sorted((_one(beat, now) for beat in alive), key=lambda f: _RANK.index(f.status))
    return ranked[-1]


def _silent_shards(alive: list[Heartbeat]) -> list[str]:
    """Return the shards without a process; none when any division of the markets is whole.

    An instance begins with its shard, `0/2`.
    """
    running: dict[str, set[str]] = {}
    for beat in alive:
        index, _, count = beat.instance.partition(" ")[0].partition("/")
        running.setdefault(count, set()).add(index)
    silent = [
        [f"{i}/{count}" for i in range(int(count)) if str(i) not in found]
        for count, found in running.items()
        if count.isdigit()
    ]
    return min(silent, key=len, default=[])


_RANK = (Status.HEALTHY, Status.WARNING, Status.DEGRADED, Status.UNHEALTHY)


def _one(beat: Heartbeat, now: datetime) -> Finding:
    facts = StreamFacts.model_validate(beat.detail)
    if beat.at > now + AHEAD:
        return _finding(Status.DEGRADED, "its heartbeat is from the future", "Check the clocks.")
    if not facts.tokens_wanted:
        return _finding(
            Status.WARNING, "no market to watch", "Is the catalogue filled, do filters fit?"
        )
    if facts.sockets_connected < max(facts.sockets, 1):
        return _finding(
            Status.UNHEALTHY, f"{facts.sockets_connected} of {facts.sockets} sockets up", ADVICE
        )
    if not facts.frames or facts.oldest_data_seconds is None:
        return _finding(Status.DEGRADED, "connected, and never heard anything", ADVICE)
    age = facts.oldest_data_seconds
    if age > SILENT.total_seconds():
        return _finding(Status.DEGRADED, f"no data for {age:.0f} s on some socket", ADVICE)
    if facts.tokens_overdue > BARE * facts.tokens_wanted:
        text = f"{facts.tokens_overdue} of {facts.tokens_wanted} tokens without a book for long"
        return _finding(Status.WARNING, text, "Their prices are not watched. See ingest's log.")
    text = f"{facts.sockets} sockets, {facts.tokens_wanted} tokens, data {age:.0f} s old at most"
    return _finding(Status.HEALTHY, text)


def _finding(status: Status, text: str, advice: str = "") -> Finding:
    return Finding(check="stream", status=status, text=text, advice=advice)

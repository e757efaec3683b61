"""Where the sim's markets come from."""

from __future__ import annotations

from pathlib import Path

from sim import synthetic
from sim.engine import Engine
from sim.mirror import Mirror
from sim.playback import Playback

DEFAULT_TAPE = Path(__file__).parents[1] / "data" / "tapes" / "btc15m.jsonl.zst"


def open_source(engine: Engine) -> Playback | Mirror | None:
    """Return the source that the configuration names; None for a venue without markets.

    Raises:
        TapeError: the tape is missing or damaged.
        MirrorError: the upstream is not named.
    """
    config = engine.config
    if config.source == "tape":
        return Playback.of_file(engine, config.tape or DEFAULT_TAPE)
    if config.source == "synthetic":
        return Playback(engine, *synthetic.build(config))
    if config.source == "mirror":
        return Mirror(engine)
    return None

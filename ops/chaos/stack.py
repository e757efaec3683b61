"""The stack of a chaos run: every part twice where two are allowed, behind proxies."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ops.chaos.proxy import Proxy
from ops.services.postgres import EmbeddedPostgres
from ops.services.postgres_part import PostgresPart
from ops.stack.assembly import Stack, child_command, said_ready
from ops.stack.sim import SimPart
from ops.supervision.part import Part
from ops.supervision.process import ProcessPart
from ops.supervision.step import Step
from settings.load import load_settings

KILL_AT = "TOUCHLINE_KILL_AT"  # read by activities/killpoint.py
# Commits reach the kernel before they are acknowledged: kill -9 loses none, only a power cut would.
SURVIVES_A_KILL = {"fsync": "off", "full_page_writes": "off"}
# Market lives of half a minute; waits shortened only where the default is a matter of pace.
SETTINGS = (
    "profile=demo",
    "sim.source=synthetic",
    "trigger.source=trade",
    "trigger.threshold=0.80",
    "filters.min_time_to_end=1ms",
    "watch.min_time_to_end=1ms",
    "strategy.watch_score=0.3",
    "entry.max_price=0.98",
    "trigger.retry_after=2s",
    "filters.max_bid_gap=0.30",
    "filters.max_divergence=0.20",
    "score.floor=0.3",
    "entry.attempts=2",
    "risk.max_positions=20",
    "exits.min_hold=3s",
    "exits.stop=0.60",
    "exits.target=0.97",
    "exits.retry_every=2s",
    "schedule.reconcile=5s",
    "reconcile.grace=10s",
)


class ChaosStack(Stack):
    """Two workers, two ingests; their ways to PostgreSQL and Temporal can be cut."""

    temporal_ports = (0, 0)  # never the usual ones: two that start together would both take them

    def __init__(self, folder: Path, seed: int, markets: int, speed: int) -> None:
        given = [*SETTINGS, f"state={folder / 'state'}", f"sim.seed={seed}", f"sim.speed={speed}"]
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TOUCHLINE_")}
        settings = load_settings(given, {}, folder)
        super().__init__(settings, given, environ)
        self._markets = markets
        self.database, self.temporal = Proxy(), Proxy()
        self.processes: dict[str, ProcessPart] = {}
        self.server = EmbeddedPostgres(self.state, dict(SURVIVES_A_KILL))
        self.kill_at: dict[str, str] = {}  # part name -> point:count for its next start

    def parts(self) -> list[Part]:
        """Return the parts in order."""
        temporal = self._temporal()
        if isinstance(temporal, ProcessPart):
            self.processes["temporal"] = temporal
        postgres, migrations = self._database()
        return [
            postgres,
            migrations,
            temporal,
            *self._venue(),
            Step("proxies", self._through),
            *(self._twin(name, "worker") for name in ("worker-1", "worker-2")),
            *(self._twin(name, "ingest") for name in ("ingest-1", "ingest-2")),
        ]

    def _database(self) -> list[Part]:
        postgres = PostgresPart(self.server, self._found_database)
        return [postgres, *super()._database()[1:]]

    def _found_database(self, dsn: str) -> None:
        self.dsn = dsn  # the judge's own way; the parts go through the proxy

    def _make_sim(self) -> SimPart:
        markets = self._markets

        class Synthetic(SimPart):
            """The sim with short, many markets."""

            def _write_config(self, path: Path) -> None:
                super()._write_config(path)
                config = json.loads(path.read_text())
                config |= {
                    "synthetic_markets": markets,
                    "synthetic_overlap": markets,
                    "synthetic_minutes": 15,
                    "mined_ms": 300,
                    "confirmed_ms": 1500,
                    "lead_ms": 3000,
                    "held": True,
                }
                path.write_text(json.dumps(config))

        sim = Synthetic(self.settings, self._wiring, self._lifeline)
        self.processes["sim"] = sim
        return sim

    async def _through(self) -> None:
        """Tell the parts the proxies' addresses instead of the servers'."""
        found = urlsplit(self.dsn)
        port = await self.database.open(found.port or 5432)
        host = f"{found.username}:{found.password}@127.0.0.1:{port}"
        self._wiring.tell("database_url", urlunsplit(found._replace(netloc=host)))
        port = await self.temporal.open(int(self.temporal_address.rsplit(":", 1)[1]))
        self._wiring.tell("temporal.address", f"127.0.0.1:{port}")

    def _twin(self, name: str, module: str) -> ProcessPart:
        command = child_command(self._lifeline, module)

        def environment() -> Mapping[str, str]:
            known = dict(self._wiring.environment(module))
            if point := self.kill_at.pop(name, ""):
                known[KILL_AT] = point
            return known

        part = ProcessPart(
            name, lambda: command, self.state, environment, said_ready, lifeline=self._lifeline
        )
        self.processes[name] = part
        return part

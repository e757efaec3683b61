"""Stack: the parts of a whole Touchline, in the order they are started."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ops.codec.place import PORT as CODEC_PORT
from ops.codec.place import endpoint, token_of
from ops.dashboard.token import FILE as TOKEN_FILE
from ops.dashboard.token import NAME as TOKEN_NAME
from ops.services.ports import LOOPBACK, first_free_port
from ops.services.postgres import EmbeddedPostgres
from ops.services.postgres_part import PostgresPart
from ops.services.temporal import PORT, UI_PORT, DevServer, connect, ensure_search_attributes
from ops.stack.database import migrate_database, require_database
from ops.stack.sim import SimPart
from ops.stack.wallet import PlayWallet
from ops.stack.wiring import Wiring
from ops.supervision.part import Part
from ops.supervision.process import ProcessPart
from ops.supervision.step import Step
from settings.model import DashboardSettings, Settings

SETTLE = 20.0  # seconds of life that count as ready when a part says nothing


class Stack:
    """Builds the parts and collects what they find out: DSN, addresses, links."""

    temporal_ports = (PORT, UI_PORT)  # of an embedded Temporal, when they are free

    def __init__(
        self, settings: Settings, overrides: Iterable[str], environ: Mapping[str, str]
    ) -> None:
        self.settings = settings
        self.state = settings.state
        self.dsn = settings.database_url.get_secret_value()
        self.temporal_address = settings.temporal.address
        self.links: dict[str, str] = {}
        self.sim: SimPart | None = None
        self._server: DevServer | None = None
        self._wiring = Wiring(environ, overrides, _settings_file(environ))
        self._wiring.tell("state", str(self.state))
        # Children hold the read end; only this process holds the write end, which nobody inherits.
        self._lifeline, self._held = os.pipe()

    def parts(self) -> list[Part]:
        """Return the parts in order: databases, the venue, the workers, the eyes."""
        parts: list[Part] = [*self._database(), self._temporal(), *self._codec()]
        if self.settings.sim.source != "off":
            parts += self._venue()
        parts += [self._module("worker"), self._module("ingest")]
        if importlib.util.find_spec("ops.dashboard.__main__") is not None:
            parts.append(self._dashboard())
        return parts

    def close(self) -> None:
        """Let go of the lifeline: children still alive leave now."""
        for end in (self._lifeline, self._held):
            os.close(end)

    def _database(self) -> list[Part]:
        if self.dsn:
            first: Part = Step("database", lambda: require_database(self.dsn))
        else:
            first = PostgresPart(EmbeddedPostgres(self.state), self._found_database)
        return [first, Step("migrations", lambda: migrate_database(self.dsn))]

    def _found_database(self, dsn: str) -> None:
        self.dsn = dsn
        self._wiring.tell("database_url", dsn)

    def _temporal(self) -> Part:
        namespace = self.settings.temporal.namespace
        if self.settings.temporal.address:
            return Step("temporal", self._use_temporal)
        server = DevServer(self.state, namespace, self.temporal_ports)
        self.temporal_address = server.address
        self._wiring.tell("temporal.address", server.address)
        self._wiring.tell("temporal.embedded", "true")
        self._wiring.tell("temporal.ui_url", server.ui_url)
        self.links["Temporal Web UI"] = f"{server.ui_url}/namespaces/{namespace}/workflows"

        async def ready(_: ProcessPart) -> bool:
            return await server.ready()

        self._server = server
        return ProcessPart(
            "temporal",
            server.command,
            self.state,
            lambda: self._wiring.environment("temporal"),
            ready,
        )

    def _codec(self) -> list[Part]:
        """Return what opens sealed payloads for our own Web UI, when there is a key."""
        server = self._server
        if server is None or not self.settings.temporal.encryption_key.get_secret_value():
            return []
        port = first_free_port(CODEC_PORT)
        server.codec = endpoint(LOOPBACK, port, token_of(self.state))
        place = ("--port", str(port), "--origin", server.ui_url)
        return [self._module("codec", "ops.cli.main", "codec", *place)]

    async def _use_temporal(self) -> None:
        temporal = self.settings.temporal
        client = await connect(temporal)
        await ensure_search_attributes(client)
        if temporal.ui_url:
            page = f"{temporal.ui_url}/namespaces/{temporal.namespace}/workflows"
            self.links["Temporal Web UI"] = page

    def _venue(self) -> list[Part]:
        sim = self.sim = self._make_sim()
        if self.settings.wallet.private_key.get_secret_value() or self.settings.wallet.keystore:
            return [sim]
        wallet = PlayWallet.kept_in(self.state)
        self._wiring.tell("wallet.private_key", wallet.private_key)
        self._wiring.tell("wallet.signature_type", "2")
        self._wiring.tell("venue.relayer_api_key", "play-money")  # the sim wants one, not which
        return [sim, Step("wallet", lambda: sim.fund(wallet.signer))]

    def _dashboard(self) -> Part:
        place = self.settings.dashboard
        # A port that somebody chose is kept, and the dashboard says so when it is taken.
        usual = DashboardSettings().port
        port = first_free_port(place.port) if place.port in (0, usual) else place.port
        self._wiring.tell("dashboard.port", str(port))
        self.links["Dashboard"] = f"http://{place.host}:{port}"
        if not place.token.get_secret_value():
            self.links[TOKEN_NAME] = str(self.state / TOKEN_FILE)
        return self._module("dashboard", "ops.dashboard")

    def _make_sim(self) -> SimPart:
        return SimPart(self.settings, self._wiring, self._lifeline)

    def _module(self, name: str, module: str = "", *arguments: str) -> ProcessPart:
        command = child_command(self._lifeline, module or name, *arguments)
        return ProcessPart(
            name,
            lambda: command,
            self.state,
            lambda: self._wiring.environment(name),
            said_ready,
            lifeline=self._lifeline,
        )


def child_command(lifeline: int, module: str, *arguments: str) -> list[str]:
    """Return the command line of one of our modules as a supervised child."""
    return [sys.executable, "-P", "-m", "ops.child", str(lifeline), module, *arguments]


async def said_ready(part: ProcessPart) -> bool:
    """Return whether the part logged the event `ready`, or has simply lived long enough."""
    text = part.fresh_log()
    return '"event": "ready"' in text or '"event":"ready"' in text or part.age() > SETTLE


def _settings_file(environ: Mapping[str, str]) -> str:
    """Return the settings file as an absolute path, so that parts read the same one."""
    named = environ.get("TOUCHLINE_SETTINGS") or "touchline.toml"
    path = Path(named).expanduser().absolute()
    return str(path) if path.exists() else ""

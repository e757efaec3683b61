"""touchline codec, key: let the Web UI read sealed payloads; make a key to seal them with."""

from __future__ import annotations

from typing import Annotated

import structlog
import typer
import uvicorn

from ops.cli.exits import CliError, Exit
from ops.cli.options import Profile, Set, load
from ops.cli.show import out
from ops.codec.place import FILE, PORT, endpoint, token_of
from ops.codec.server import CodecServer
from ops.dashboard.token import is_loopback
from ops.listening import listening
from ops.stack.runfile import running
from settings.codec import SealingCodec
from settings.keyring import Keyring, KeyringError, new_key
from settings.logs import log_to
from settings.model import Settings

WEB_UI = "http://127.0.0.1:8233"


def codec(
    port: Annotated[int, typer.Option("--port", min=0, max=65535)] = PORT,
    host: Annotated[str, typer.Option("--host", help="Loopback, or behind a proxy's TLS.")] = (
        "127.0.0.1"
    ),
    origin: Annotated[
        str | None,
        typer.Option(help="The Web UI's origin, the only page that may read the answers."),
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Allow a host that is no loopback address.")
    ] = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Open sealed payloads for the Temporal Web UI, until Ctrl-C. Needs the encryption key."""
    settings = load(profile, set_)
    ring = Keyring.parse(settings.temporal.encryption_key.get_secret_value())
    if ring is None:
        raise CliError(
            Exit.CONFIGURATION,
            "temporal.encryption_key must be set: without it payloads are plain and need no codec",
        )
    if not is_loopback(host) and not behind_proxy:
        raise CliError(
            Exit.CONFIGURATION,
            f"--host must be a loopback address, was {host}: its answers travel in the clear;"
            " add --behind-proxy only where a proxy or a container network protects it",
        )
    chosen = settings.temporal.codec_token.get_secret_value()
    token = chosen or token_of(settings.state)
    app = CodecServer(SealingCodec(ring), token, origin or _web_ui(settings)).app()
    out.print("Codec endpoint for the Web UI (whoever has this URL reads every payload):")
    hidden = "<temporal.codec_token>" if chosen else f"<the token in {settings.state / FILE}>"
    shown = token if out.is_terminal and not chosen else hidden  # a log is no place for it
    out.print(f"  {endpoint(host, port, shown)}", markup=False, soft_wrap=True)
    log_to(settings.log.level, settings.log.format)
    structlog.get_logger().info("ready", port=port)
    # No access log: the token is part of the path.
    uvicorn.Server(listening(app, host=host, port=port)).run()


def _web_ui(settings: Settings) -> str:
    found = running(settings.state)
    url = found.links.get("Temporal Web UI", "") if found else ""
    return (settings.temporal.ui_url or url.partition("/namespaces")[0] or WEB_UI).rstrip("/")


def key(
    name: Annotated[str, typer.Argument(help="Id of the key, e.g. the month: 2026-11.")],
) -> None:
    """Make an encryption key for payloads; put it in front of temporal.encryption_key."""
    text = new_key(name)
    try:
        Keyring.parse(text)
    except KeyringError as e:
        raise CliError(Exit.CONFIGURATION, str(e)) from e
    print(text)

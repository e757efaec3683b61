"""The commands for a server and for real money, added to the command line as one group."""

from __future__ import annotations

import typer

from ops.cli import audit, backup, codec, deploy, live


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(codec.codec)
    app.command()(codec.key)
    app.command()(live.live)
    app.command()(live.canary)
    app.command()(backup.backup)
    app.command()(backup.restore)
    app.command()(audit.audit)
    app.add_typer(deploy.app, name="deploy")

"""run.json: what runs in a state directory, for the other commands to find."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from ops.supervision.identity import Identity

NAME = "run.json"


class Running(BaseModel):
    """One running stack. Holds no password: the DSN is found beside the data."""

    supervisor: Identity
    started_at: datetime
    profile: str
    mode: str
    links: dict[str, str] = {}  # name shown → URL
    temporal_address: str = ""
    namespace: str = ""
    sim_control: str = ""  # URL of the sim's control port, empty without a sim
    sim_token: str = ""
    venue: dict[str, str] = {}  # where the sim answers, by the names of the venue settings

    def save(self, state: Path) -> None:
        """Write the file whole, readable by its owner alone."""
        aside = state / f"{NAME}.new"
        handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(self.model_dump_json(indent=1))
        os.replace(aside, state / NAME)


def running(state: Path) -> Running | None:
    """Return what runs in this state directory, or None when its supervisor is gone."""
    try:
        found = Running.model_validate_json((state / NAME).read_text())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return found if found.supervisor.process() else None


def forget(state: Path) -> None:
    """Remove the file after an orderly stop."""
    (state / NAME).unlink(missing_ok=True)

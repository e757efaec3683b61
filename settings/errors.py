"""What is wrong with the settings: every problem at once, each with its way out."""

from __future__ import annotations


class SettingsError(ValueError):
    """The settings cannot be used. `problems` holds one sentence for each fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

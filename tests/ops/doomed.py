"""A supervisor for tests that is killed: starts two parts in the directory given and waits."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from ops.supervision.process import ProcessPart
from ops.supervision.supervisor import Supervisor


async def main(state: Path) -> None:
    """Start one part with a lifeline and one without, as Python and Temporal are."""
    lifeline, _ = os.pipe()

    async def ready(part: ProcessPart) -> bool:
        return "ready" in part.fresh_log()

    def part(name: str, command: list[str], line: int | None) -> ProcessPart:
        return ProcessPart(
            name, lambda: command, state, lambda: dict(os.environ), ready, lifeline=line
        )

    python = [sys.executable, "-m"]
    parts = [
        part("with", [*python, "ops.child", str(lifeline), "tests.ops.sleeper"], lifeline),
        part("without", [*python, "tests.ops.sleeper", "plain", str(state / "marker")], None),
    ]
    await Supervisor(parts, lambda event: print(event.kind, event.name, flush=True)).start()
    print("all up", flush=True)
    await asyncio.sleep(1000)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

"""touchline tape info, convert, import: look at a recording, or make one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json
from ops.cli.show import out, print_json, printable, table
from sim import tape, tape_convert, tape_import

app = typer.Typer(
    help="Look at a recording, or make one (docs/tapes.md).",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="A tape, NAME.jsonl.zst.")], json: Json = False
) -> None:
    """Read a tape to its end and say what is in it."""
    if not file.exists():
        raise CliError(Exit.NOT_FOUND, f"{file}: no such file")
    try:
        header = tape.read_header(file)
        events = sum(1 for _ in tape.read(file))
    except tape.TapeError as e:
        raise CliError(Exit.ERROR, str(e)) from e
    facts = {
        "source": header.source,
        "attribution": header.attribution,
        "licence": header.licence,
        "minutes": header.span_ms // 60_000,
        "markets": len(header.markets),
        "events": events,
    }
    if json:
        print_json({**facts, "questions": [market.question for market in header.markets]})
        return
    out.print(table(str(file), ("", ""), list(facts.items())))
    out.print(table("Markets", ("",), [(printable(m.question, 120),) for m in header.markets]))


@app.command()
def convert(
    folder: Annotated[Path, typer.Argument(help="What touchline record has written.")],
    target: Annotated[Path, typer.Argument(help="The tape to write, NAME.jsonl.zst.")],
    json: Json = False,
) -> None:
    """Make a tape of a recording, for `touchline replay` and the sim."""
    try:
        made = tape_convert.convert(folder, target)
    except FileNotFoundError as e:
        raise CliError(Exit.NOT_FOUND, str(e)) from e
    except tape.TapeError as e:
        raise CliError(Exit.ERROR, str(e)) from e
    facts = {
        "events": made.events,
        "markets": made.markets,
        "gaps": made.gaps,
        "frames lost while recording": made.lost,
        **{f"skipped: {why}": times for why, times in made.skipped.items() if times},
    }
    if json:
        print_json(facts)
        return
    out.print(table(str(target), ("", ""), list(facts.items())))


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Folder with books.parquet, markets.parquet.")],
    target: Annotated[Path, typer.Argument(help="The tape to write.")],
) -> None:
    """Convert the data files of the package resolvedkit; needs polars, which is no dependency."""
    try:
        events = tape_import.main(source, target)
    except FileNotFoundError as e:
        raise CliError(Exit.NOT_FOUND, str(e)) from e
    except ModuleNotFoundError as e:
        raise CliError(Exit.ERROR, "polars is needed for this once: pip install polars") from e
    out.print(f"{events} events written to {target}", markup=False)

"""The picture of a replay: profit over time as PNG, and a page that needs nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape

from ops.replay.report import ReplayReport
from ops.replay.trades import TradeRow


def write_pictures(report: ReplayReport, prefix: Path) -> tuple[Path, Path]:
    """Write PREFIX.png and PREFIX.html and return their paths."""
    png, page = prefix.with_name(prefix.name + ".png"), prefix.with_name(prefix.name + ".html")
    _draw(report, png)
    template = _templates().get_template("replay.html")
    picture = base64.b64encode(png.read_bytes()).decode()
    page.write_text(template.render(report=report, picture=picture), encoding="utf-8")
    return png, page


def profit_steps(report: ReplayReport) -> list[tuple[TradeRow, float]]:
    """Return each ended trade in order of its end, with the profit of all until then."""
    ended = [row for row in report.trades if row.profit is not None and row.closed_at is not None]
    ended.sort(key=lambda row: (row.closed_at is None, row.closed_at))
    total, steps = 0.0, []
    for row in ended:
        total += float(row.profit or 0)
        steps.append((row, total))
    return steps


def _draw(report: ReplayReport, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps = profit_steps(report)
    times = [date2num(row.closed_at) for row, _ in steps]  # type: ignore[no-untyped-call]  # the library has no types
    totals = [total for _, total in steps]
    axes.axhline(0, color="#9aa0a6", linewidth=1)
    if steps:
        begins = date2num(min(row.touched_at for row, _ in steps))  # type: ignore[no-untyped-call]  # the library has no types
        axes.step([begins, *times], [0.0, *totals], where="post", color="#1a5fb4", linewidth=2)
        for won, colour, name in ((True, "#26a269", "won"), (False, "#c01c28", "lost")):
            marks = [(t, y) for (row, y), t in zip(steps, times, strict=True) if _won(row) is won]
            if marks:
                axes.scatter(*zip(*marks, strict=True), color=colour, zorder=3, label=name)
        axes.legend(loc="upper left", frameon=False)
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]  # the library has no types
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]  # the library has no types
        axes.xaxis.set_major_formatter(formatter)
    else:
        axes.text(0.5, 0.5, "no trade ended", ha="center", transform=axes.transAxes)
    axes.set_ylabel("profit after fees, USD")
    axes.set_xlabel("time of settlement, UTC")
    axes.set_title(f"{report.strategy}: {report.profit_usd:.2f} USD in {len(steps)} trades")
    axes.spines[["top", "right"]].set_visible(False)
    canvas.print_png(str(path))  # type: ignore[no-untyped-call]  # the library has no types


def _won(row: TradeRow) -> bool:
    return row.profit is not None and row.profit > 0


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("ops.replay", "templates"), autoescape=select_autoescape()
    )

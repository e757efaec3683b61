"""The summary of a run in a few lines, with the warning that belongs to it."""

from __future__ import annotations

from ops.report.build import Report
from settings.profiles import WARNINGS


def summary(report: Report) -> list[str]:
    """Return the lines shown at the end of a tape."""
    trades, judge = report.trades, report.judge
    post = report.latency_ms.touch_to_post
    lines = [
        f"The tape is over: {report.markets} markets, {report.frames} frames,"
        f" {report.triggers} triggers.",
        f"Trades: {trades.settled} settled, {trades.not_entered} not entered,"
        f" {trades.declined} declined, {trades.open} open, {trades.unknown} unknown;"
        f" {report.orders} orders, {report.fills} fills.",
        f"Profit {report.profit_usd:.6f} USD after {report.fees_usd:.6f} USD of fees.",
    ]
    if post.p50 is not None:
        lines.append(
            f"From touch to posted order: p50 {post.p50} ms, p95 {post.p95} ms, p99 {post.p99} ms."
        )
    figures = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in judge.model_dump().items())
    verdict = "agree" if judge.clean else "DISAGREE"
    lines.append(f"Our books and the venue's {verdict}: {figures}.")
    lines.append(WARNINGS["demo"])
    return lines

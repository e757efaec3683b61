"""Apply what the venue says of fills: one row that contradicts our books holds nothing else up."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio import activity

from activities.clock import Clock
from activities.killpoint import passing
from domain.market import Mode
from domain.orders import Fill
from store.errors import FillConflict
from store.fills import Fills


async def apply_fills(
    store: Fills, mode: Mode, fills: Iterable[Fill], clock: Clock
) -> tuple[int, list[str]]:
    """Apply each fill once; return how many changed something, and what contradicts our books.

    Of a contradiction the books keep what they had first. Reconciliation, which reads the same
    rows, tells a person (`fill-conflict`); a trade that stopped here would sell and redeem nothing.

    Raises:
        UnknownOrder: a fill is of an order that is not ours.
    """
    changed, conflicts = 0, list[str]()
    for fill in fills:
        try:
            applied = await store.apply(mode, fill, clock())
            changed, conflict = changed + applied.changed, applied.conflict
        except FillConflict as e:
            conflict = str(e)
        if conflict:
            activity.logger.error("fill_conflict", extra={"trade_id": fill.trade_id})
            conflicts.append(conflict)
        passing("fill:after")
    return changed, conflicts

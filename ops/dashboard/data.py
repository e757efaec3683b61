"""Data: figures for the charts, as JSON. Floats are for drawing alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ops.dashboard.desk import Desk
from ops.dashboard.pages.overview import BEGINNING
from ops.dashboard.pages.page import NoSuchThing
from ops.dashboard.pages.story import marks_of
from ops.dashboard.pages.story import read as read_story
from store.desk_marks import Marks
from store.desk_trades import DeskTrades

LEAST_MARGIN = timedelta(seconds=1)


class Data:
    """Answers the charts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def profit(self, _: Request) -> Response:
        """Return seconds and dollars: what was booked, added up."""
        points = await DeskTrades(self._desk.pool).profit(self._desk.mode, BEGINNING)
        return JSONResponse(
            {"at": [p.at.timestamp() for p in points], "total": [_draw(p.total) for p in points]}
        )

    async def price(self, request: Request) -> Response:
        """Return the token's bid and ask over the trade, with what happened marked."""
        try:
            story = await read_story(self._desk, request.path_params)
        except NoSuchThing as e:
            return JSONResponse({"error": str(e)}, status_code=404)
        trade = story["trade"]
        end = trade.closed_at or self._desk.clock()
        margin = max((end - trade.seen_at) * 0.05, LEAST_MARGIN)
        since, until = trade.seen_at - margin, end + margin
        marks = await Marks(self._desk.pool).of_token(trade.token_id, since, until)
        level = story["level"]
        return JSONResponse(
            {
                "since": since.timestamp(),
                "until": until.timestamp(),
                "at": [m.at.timestamp() for m in marks],
                "bid": [_draw(m.bid) for m in marks],
                "ask": [_draw(m.ask) for m in marks],
                "threshold": _draw(trade.threshold),
                "entry": _draw(trade.entry_price),
                "target": _draw(level.above) if level else None,
                "stop": _draw(level.below) if level else None,
                "marks": [
                    {"at": at.timestamp(), "kind": kind, "title": title}
                    for at, kind, title in marks_of(story["events"])
                ],
            }
        )


def _draw(value: Decimal | None) -> object:
    return None if value is None else round(value, 6).__float__()

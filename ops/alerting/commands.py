"""Commands of the Telegram chat: what each does, through the same actions as CLI and dashboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.market import Mode
from domain.money import Usd
from domain.trade import HaltState
from ops.actions.refusal import Refused
from ops.actions.trades import TradeActions
from ops.alerting.replies import Command
from store.account import Account, AccountRow
from store.approvals import Approvals
from store.desk_standing import Result, Standing


def dollars(amount: Usd | None) -> str:
    """Return an amount for people, or `unknown`."""
    if amount is None:
        return "unknown"
    return f"{'−' if amount < 0 else ''}${abs(amount):,.2f}"


def summary(mode: Mode, account: AccountRow, result: Result, waiting: int) -> str:
    """Return the answer to /status."""
    lines = [
        f"[{mode.value.upper()}] {account.halt.value}",
        f"Balance {dollars(account.balance)}, reserved {dollars(account.reserved)}",
        f"{account.open_slots} open trades, cost {dollars(account.position_cost)}",
        f"Today {dollars(result.today)}, 7 days {dollars(result.profit)}"
        f" ({result.won} won, {result.lost} lost)",
    ]
    if waiting:
        lines.append(f"{waiting} trades wait for your answer")
    return "\n".join(lines)


class Commands:
    """The commands and what they need."""

    def __init__(
        self,
        mode: Mode,
        account: Account,
        standing: Standing,
        approvals: Approvals,
        trades: TradeActions,
        clock: Callable[[], datetime],
    ) -> None:
        self._mode, self._account, self._standing = mode, account, standing
        self._approvals, self._trades, self._clock = approvals, trades, clock

    def table(self) -> dict[str, Command]:
        """Return the commands by name. Resuming needs a screen: it is not among them."""
        return {
            "status": self._status,
            "halt": self._halt,
            "reduce": self._reduce,
            "approve": self._approve,
            "reject": self._reject,
        }

    async def _status(self, _: str, __: str) -> str:
        now = self._clock()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        account = await self._account.get(self._mode)
        result = await self._standing.result(self._mode, now - timedelta(days=7), today)
        waiting = len(await self._approvals.pending(self._mode))
        return summary(self._mode, account, result, waiting)

    async def _halt(self, why: str, who: str) -> str:
        return await self._set(HaltState.HALTED, why, who, "Nothing is posted any more")

    async def _reduce(self, why: str, who: str) -> str:
        return await self._set(HaltState.REDUCING, why, who, "Only exits are posted")

    async def _set(self, state: HaltState, why: str, who: str, effect: str) -> str:
        why = why or "by Telegram"
        affected = await self._account.halt(self._mode, state, who, why, self._clock())
        return f"{effect}; {affected} open trades. Undo with `touchline resume` or in the dashboard"

    async def _approve(self, trade: str, who: str) -> str:
        return (await self._trades.approve(_named(trade), who, "by Telegram")).text

    async def _reject(self, trade: str, who: str) -> str:
        return (await self._trades.reject(_named(trade), who, "by Telegram")).text


def _named(trade: str) -> str:
    if not trade:
        raise Refused("say which trade, e.g. /approve 0xabc:0.95")
    return trade

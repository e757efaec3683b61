"""The rows of the store that ingest writes about touches that became no trade."""

from __future__ import annotations

from typing import Any

import asyncpg

from domain.decision import Decision, DecisionStage
from domain.trigger import Trigger
from ingest.dispatch import utc_now
from store.audit import Audit
from store.decisions import DecisionRow, Decisions
from store.touches import LostTouch, Touches, TouchKind


class StoreRows:
    """Decisions, lost touches and orders of ours that nobody knows."""

    def __init__(self, pool: asyncpg.Pool[Any], settings_hash: str) -> None:
        """`settings_hash` is of the rules in force."""
        self._decisions, self._touches, self._audit = Decisions(pool), Touches(pool), Audit(pool)
        self._settings_hash = settings_hash

    async def decision(self, trigger: Trigger, decision: Decision, stage: DecisionStage) -> None:
        """Store why a touch was refused before any workflow."""
        at = utc_now()
        await self._decisions.record(
            DecisionRow(
                mode=trigger.mode,
                condition_id=trigger.condition_id,
                token_id=trigger.token_id,
                threshold=trigger.threshold,
                stage=stage,
                decision=decision.model_copy(update={"decided_at": at}),
                settings_hash=self._settings_hash,
                at=at,
            )
        )

    async def touch(self, kind: str, trigger: Trigger, reason: str) -> None:
        """Store a touch that was `missed` or `unseen`; the same one again changes nothing."""
        lost = LostTouch(
            mode=trigger.mode,
            condition_id=trigger.condition_id,
            token_id=trigger.token_id,
            threshold=trigger.threshold,
            kind=TouchKind(kind),
            price=trigger.price,
            venue_time=trigger.venue_time,
            seen_at=trigger.seen_at,
            epoch=trigger.epoch,
            reason=reason,
        )
        await self._touches.record([lost])

    async def stranger(self, order_id: str, kind: str, text: str) -> None:
        """Store that the venue spoke of an order of ours that we do not know."""
        why = "the user channel named an order that no trade of ours signed"
        await self._audit.write(
            at=utc_now(),
            who="ingest",
            what="unknown_order",
            target=order_id,
            why=why,
            result="left to reconciliation",
            detail={"kind": kind, "status": text},
        )

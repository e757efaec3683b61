"""A TradeWorkflow that only remembers: what ingest starts and signals, nothing else."""

from __future__ import annotations

from temporalio import workflow

from workflows.messages import LevelReached, TradeStart, VenueEvent


@workflow.defn(name="TradeWorkflow")
class StubTrade:
    """Runs until told `over`; remembers every signal."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.ended = False

    @workflow.run
    async def run(self, start: TradeStart) -> str:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self.ended)
        return start.trigger.workflow_id

    @workflow.signal
    def venue_event(self, event: VenueEvent) -> None:
        """Remember news of an order."""
        self.heard.append(f"{event.order_id} {event.kind} {event.trade_id}")

    @workflow.signal
    def level_reached(self, level: LevelReached) -> None:
        """Remember a level."""
        self.heard.append(f"level {level.price:f}")

    @workflow.signal
    def over(self) -> None:
        """End."""
        self.ended = True

    @workflow.query
    def what(self) -> list[str]:
        """Return what was heard."""
        return self.heard

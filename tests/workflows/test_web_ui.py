"""A trade in the real Temporal Web UI, in a real browser: looked at, and cancelled from there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.trade import Stage
from ops.services.ports import free_port
from tests.fakes.desk import Desk, a_trigger
from tests.temporal import search_attribute_keys
from tests.waiting import eventually
from worker.runner import sandboxed
from workflows.messages import TradeStart
from workflows.trade import TradeWorkflow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Page]:
    """Return a page of a headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield await browser.new_page(viewport={"width": 1400, "height": 1000})
        await browser.close()


async def test_a_trade_is_read_and_cancelled_in_the_web_ui_and_the_outcome_is_safe(
    page: Page, tmp_path: Path
) -> None:
    desk, port = Desk(), free_port()
    desk.resolve = False
    trigger = a_trigger("0xfeed")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        data_converter=pydantic_data_converter,
        search_attributes=search_attribute_keys(),
        dev_server_log_level="error",
        ui=True,
        ui_port=port,
    ) as environment:
        async with Worker(
            environment.client,
            task_queue="ui",
            workflows=[TradeWorkflow],
            activities=desk.activities,
            workflow_runner=sandboxed(),
        ):
            trade = await environment.client.start_workflow(
                TradeWorkflow.run,
                TradeStart(trigger=trigger),
                id=trigger.workflow_id,
                task_queue="ui",
                static_summary="Buy Yes ≤ 0.95 · Will it rain gold?",
            )

            async def holding() -> bool:
                return (await trade.query(TradeWorkflow.status)).stage is Stage.HOLDING

            await eventually(holding, within=15)
            url = f"http://127.0.0.1:{port}/namespaces/default/workflows/{trade.id}"
            await page.goto(url, wait_until="domcontentloaded")
            story = page.get_by_text("Watch the position until there is news")
            await story.first.wait_for(timeout=60_000)
            await (
                page.get_by_role("link", name="User Metadata")
                .or_(page.get_by_role("tab", name="User Metadata"))
                .first.click()
            )
            await eventually(lambda: shows(page, "Will it rain gold?"), within=60)
            await eventually(lambda: shows(page, "10 shares for $9.40"), within=60)
            await page.screenshot(path=tmp_path / "trade.png")
            await page.get_by_role("button", name="Request Cancellation").first.click()
            await page.locator("[data-testid=confirm-modal-button]:visible").first.click()
            result = await trade.result()
    assert (result.ending, result.shares) == (Stage.ABANDONED, desk.held)
    assert desk.posted == ["0xentry1"] and desk.alerts[0].title == "A trade was abandoned"


async def shows(page: Page, text: str) -> bool:
    """Return whether the page or a frame of it (the UI renders our markdown in one) says so."""
    return any([text in await frame.inner_text("body") for frame in page.frames])

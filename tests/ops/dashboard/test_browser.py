"""The dashboard in a real Chromium: sign in, every page, live updates, actions, phone width.

Screenshots go to TOUCHLINE_SCREENSHOTS where that is set: for eyes, and for docs/operating.md.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect
from temporalio.client import Client
from temporalio.worker import Worker

from domain.market import Mode
from domain.money import price, usd
from ops.dashboard.view import PAGES
from store.account import Account
from store.alerts import Alerts, Priority
from store.approvals import Approval, Approvals
from store.audit import Audit
from store.desk_marks import Mark, Marks
from tests.fakes.desk import Desk as FakeTrades
from tests.fakes.desk import plan
from tests.ops.dashboard.conftest import TOKEN, Shown
from tests.ops.dashboard.test_pages import HOSTILE
from tests.ops.health.scene import beat
from tests.ops.traded import AT, trigger
from worker.runner import sandboxed
from workflows.messages import TradeStart
from workflows.trade import TradeWorkflow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=900)
SHOTS = os.environ.get("TOUCHLINE_SCREENSHOTS")


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


class Tab:
    """One tab that is signed in, with everything it complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                self.complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )

    async def go(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def shoot(self, name: str) -> None:
        if SHOTS:
            await self.page.wait_for_timeout(400)
            path = Path(SHOTS) / f"{name}.png"
            await self.page.screenshot(path=path, full_page=True)

    async def confirm(self, button: str) -> None:
        await self.page.get_by_role("button", name=button, exact=True).click()


@asynccontextmanager
async def tab_of(browser: Browser, url: str, **how: Any) -> AsyncIterator[Tab]:
    context = await browser.new_context(**how)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    expect.set_options(timeout=15_000)
    tab = Tab(page, url)
    await tab.go("/")
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("navigation")).to_be_visible()
    yield tab
    await context.close()
    assert tab.complaints == []


async def lively(shown: Shown) -> None:
    """Write a morning with prices, alerts and a question."""
    pool, now = shown.pool, datetime.now(UTC)
    await shown.morning.whole()
    await beat(pool)
    moment = AT - timedelta(seconds=20)
    marks = []
    for n in range(180):
        bid = price(
            min(Decimal("0.93") + Decimal(n) / 3000 + Decimal(n % 7) / 1000, Decimal("0.99"))
        )
        at = moment + timedelta(seconds=5 * n)
        marks += [
            Mark(token_id=f"token-{name}", at=at, bid=bid, ask=price(bid + Decimal("0.01")))
            for name in ("a", "c")
        ]
    await Marks(pool).put(marks)
    await pool.execute(
        "UPDATE decisions SET values = values || $1",
        {"book_hash": "83fd93e716eb5c97" * 4, "book_seen_at": AT.isoformat(), "note": "x" * 90},
    )
    questions = {
        "0xa": "Bitcoin Up or Down, November 22, 4:00 to 4:15 AM ET",
        "0xb": "Will the Lakers win on Sunday?",
        "0xc": "Bitcoin Up or Down, November 22, 4:15 to 4:30 AM ET",
        "0xd": "Highest temperature in London above 12 °C?",
        "0xe": "Will Person B be nominated?",
    }
    for condition_id, question in questions.items():
        await pool.execute(
            "UPDATE claims SET question = $2 WHERE condition_id = $1", condition_id, question
        )
    await Alerts(pool).put(
        "orders:x",
        Priority.HIGH,
        "An order's fate is unknown",
        "No answer to a post for 60 s. Its money stays reserved, the bot keeps asking.",
        timedelta(minutes=5),
        now,
        Mode.PAPER,
    )
    await Account(pool).set_balance(Mode.PAPER, usd("981.16"), now)


async def test_every_page_is_shown_without_a_complaint_on_desk_and_phone(
    chromium: Browser, shown: Shown, url: str
) -> None:
    await lively(shown)
    story = f"/trades/{trigger('a').workflow_id}"
    pages = [(page.name, page.path) for page in PAGES if page.menu] + [("story", story)]
    for width, size in (("desk", DESK), ("phone", PHONE)):
        async with tab_of(chromium, url, viewport=size, color_scheme="light") as tab:
            for name, path in pages:
                await tab.go(path)
                await expect(tab.page.locator("#link")).to_have_text("live")
                await tab.shoot(f"{name}-{width}")
                over = await tab.page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert over <= 0, (name, width, over)
    async with tab_of(chromium, url, viewport=DESK, color_scheme="dark") as tab:
        for name, path in (("overview", "/"), ("story", story)):
            await tab.go(path)
            await expect(tab.page.locator("#link")).to_have_text("live")
            await tab.shoot(f"{name}-dark")


async def test_a_change_arrives_without_a_reload(chromium: Browser, shown: Shown, url: str) -> None:
    await shown.morning.fund()
    async with tab_of(chromium, url, viewport=DESK) as tab:
        await tab.go("/")
        await expect(tab.page.get_by_text("No trade is open.")).to_be_visible()
        await tab.page.evaluate("window.stayed = true")
        await shown.morning.buy("a")
        await expect(tab.page.get_by_role("link", name="Will a go [red]up[/]?")).to_be_visible()
        assert await tab.page.evaluate("window.stayed")


async def test_halt_and_resume_ask_first_and_are_audited(
    chromium: Browser, shown: Shown, url: str
) -> None:
    async with tab_of(chromium, url, viewport=PHONE) as tab:
        await tab.page.get_by_role("button", name="Halt everything").click()
        await expect(tab.page.get_by_text("Nothing is posted any more")).to_be_visible()
        await tab.shoot("confirm-phone")
        await tab.page.get_by_label("Reason").fill("a drill")
        await tab.confirm("Halt everything")
        await expect(tab.page.get_by_text("✓ halted")).to_be_visible()
        await tab.page.get_by_role("button", name="Resume trading").click()
        await tab.confirm("Resume trading")
        await expect(tab.page.get_by_text("✓ active")).to_be_visible()
    rows = await Audit(shown.pool).since(datetime.now(UTC) - timedelta(minutes=5))
    assert [row.why for row in rows] == ["resume in the dashboard", "a drill"]


async def test_a_waiting_entry_is_approved_and_a_position_sold_by_hand(
    chromium: Browser, shown: Shown, url: str, temporal_client: Client
) -> None:
    trades = FakeTrades()
    trades.resolve, trades.plan = False, plan()
    touch = trigger("a")
    await shown.morning.fund()
    await shown.morning.buy("a")
    now = datetime.now(UTC)
    from activities.messages import Opened
    from tests.fakes.desk import ENTER

    trades.opened = [
        Opened(
            won=True,
            decision=ENTER,
            plan=trades.plan,
            ask_person=True,
            ask_until=now + timedelta(minutes=5),
            stake=usd(20),
        )
    ]
    await Approvals(shown.pool).ask(
        Approval(
            workflow_id=touch.workflow_id,
            run_id="run",
            mode=Mode.PAPER,
            condition_id=touch.condition_id,
            token_id=touch.token_id,
            question=touch.question,
            price=price("0.95"),
            max_price=price("0.95"),
            stake=usd(20),
            asked_at=now,
            deadline=now + timedelta(minutes=5),
        )
    )
    async with Worker(
        temporal_client,
        task_queue="browser",
        workflows=[TradeWorkflow],
        activities=trades.activities,
        workflow_runner=sandboxed(),
    ):
        handle = await temporal_client.start_workflow(
            TradeWorkflow.run,
            TradeStart(trigger=touch),
            id=touch.workflow_id,
            task_queue="browser",
        )
        async with tab_of(chromium, url, viewport=DESK) as tab:
            await tab.go("/approvals")
            await tab.shoot("approvals-asked")
            await tab.page.get_by_role("button", name="Approve").click()
            await expect(tab.page.get_by_text("checked once more first")).to_be_visible()
            await tab.confirm("Approve")
            await expect(tab.page.get_by_text("✓ approved; price, book, funds")).to_be_visible()
            await tab.go(f"/trades/{touch.workflow_id}")
            await expect(tab.page.locator("#part-story_head .badge").first).to_have_text("holding")
            await tab.page.get_by_role("button", name="Sell now").click()
            await tab.page.get_by_label("At least this price").fill("0.90")
            await tab.confirm("Sell now")
            await expect(tab.page.get_by_text("✓ selling 10 shares")).to_be_visible()
        result = await handle.result()
        assert result.ending == "settled"
    assert "0xexit1" in trades.posted or any("exit" in order for order in trades.posted)


async def test_hostile_text_is_shown_and_never_run(
    chromium: Browser, shown: Shown, url: str
) -> None:
    """MON-H2, by a browser that would run it."""
    await lively(shown)
    await shown.pool.execute(
        "UPDATE claims SET question = $1::text, reason = $1::text, outcome = $1::text", HOSTILE
    )
    await shown.pool.execute("UPDATE orders SET venue_text = $1, evidence = $1", HOSTILE)
    await shown.pool.execute("UPDATE alerts SET title = $1, text = $1", HOSTILE)
    await shown.pool.execute("UPDATE decisions SET reason = $1", HOSTILE)
    async with tab_of(chromium, url, viewport=DESK) as tab:
        dialogs: list[str] = []
        tab.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for path in (
            "/",
            "/trades",
            "/closed",
            "/triggers",
            "/alerts",
            f"/trades/{trigger('a').workflow_id}",
        ):
            await tab.go(path)
            await expect(tab.page.locator("#link")).to_have_text("live")
            await expect(tab.page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
        assert dialogs == []


async def test_the_keyboard_alone_is_enough_to_sign_in_and_to_reach_the_content(
    chromium: Browser, url: str
) -> None:
    context = await chromium.new_context(viewport=DESK)
    page = await context.new_page()
    await page.goto(url + "/trades")
    await page.keyboard.type("wrong-token")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    await page.keyboard.type(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Open trades")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await context.close()

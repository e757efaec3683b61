"""The views that docs/operating.md tells people to save are queries Temporal understands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from temporalio.client import Client

PAGE = (Path(__file__).resolve().parents[2] / "docs/operating.md").read_text()
TABLE = PAGE[PAGE.index("| View | Query |") :].partition("\n\n")[0]
VIEWS = dict(re.findall(r"^\| ([^|`]+) \| `+(.+?)`+ \|$", TABLE, re.M))


def test_the_page_has_its_views() -> None:
    assert len(VIEWS) >= 8 and "Holding" in VIEWS


@pytest.mark.parametrize("view", VIEWS)
async def test_a_saved_view_is_a_query_that_temporal_answers(
    temporal_client: Client, view: str
) -> None:
    assert (await temporal_client.count_workflows(VIEWS[view])).count >= 0


async def test_a_query_with_an_unknown_attribute_is_refused(temporal_client: Client) -> None:
    with pytest.raises(Exception, match="Nonsense"):
        await temporal_client.count_workflows('Nonsense="x"')


def test_every_picture_of_the_pages_is_there_and_small() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    for page in docs.glob("*.md"):
        for name in re.findall(r"!\[[^\]]+\]\((images/[^)]+)\)", page.read_text()):
            assert (docs / name).stat().st_size < 150_000, name

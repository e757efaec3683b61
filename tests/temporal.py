"""The Temporal dev server of a test run: real, in memory, with the settings of production."""

from __future__ import annotations

import sys
from pathlib import Path

from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from ops.services.temporal_options import SEARCH_ATTRIBUTES, dynamic_config_arguments


def search_attribute_keys() -> list[SearchAttributeKey[str] | SearchAttributeKey[float]]:
    """Return our typed search attributes as the SDK wants them."""
    return [
        SearchAttributeKey.for_float(name)
        if kind == "Double"
        else SearchAttributeKey.for_keyword(name)
        for name, kind in SEARCH_ATTRIBUTES.items()
    ]


def binary() -> Path:
    """Return the `temporal` program of this virtual environment."""
    return Path(sys.executable).parent / "temporal"


async def start_server() -> WorkflowEnvironment:
    """Start a dev server on a free port; nothing is downloaded."""
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary()),
        data_converter=pydantic_data_converter,
        search_attributes=search_attribute_keys(),
        dev_server_log_level="error",
        dev_server_extra_args=dynamic_config_arguments(),
    )

"""Record: the frozen model that every domain value, every message and every row is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """An immutable value; unknown keys are dropped so that old code reads new messages."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


def require_utc(value: datetime) -> datetime:
    """Return the time unchanged if it is aware and in UTC.

    Raises:
        ValueError: the time is naive or in another zone (finding G7).
    """
    if value.utcoffset() != timedelta(0):
        raise ValueError(f"expected an aware UTC time, was {value!r}")
    return value


Utc = Annotated[datetime, AfterValidator(require_utc)]
Id = Annotated[str, Field(min_length=1, max_length=200)]

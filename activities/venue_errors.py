"""Translate the venue's four kinds of error into Temporal failures, without their wording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from venue.errors import Drift, NotReady, Refused, Unknown


@contextmanager
def venue_failures() -> Iterator[None]:
    """Raise what the venue raised as an ApplicationError that Temporal may retry.

    Raises:
        ApplicationError: type VenueUnknown, VenueNotReady, VenueRefused or VenueDrift.
    """
    try:
        yield
    except NotReady as e:
        raise ApplicationError(
            str(e),
            type="VenueNotReady",
            next_retry_delay=e.retry_after,
            category=ApplicationErrorCategory.BENIGN,
        ) from e
    except Unknown as e:
        raise ApplicationError(str(e), type="VenueUnknown") from e
    except Refused as e:
        raise ApplicationError(str(e), type="VenueRefused") from e
    except Drift as e:
        raise ApplicationError(str(e), type="VenueDrift") from e


def nothing_yet(text: str, look_again: timedelta) -> ApplicationError:
    """Return the failure that keeps a waiter waiting; it adds nothing to the history."""
    return ApplicationError(
        text,
        type="NothingYet",
        next_retry_delay=look_again,
        category=ApplicationErrorCategory.BENIGN,
    )

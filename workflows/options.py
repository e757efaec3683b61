"""How each activity is called: time limits and retries, each with its reason."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

# Of an activity that takes long and says that it is alive (activities/alive.py): a worker that
# was killed in it is noticed after this, not after the longest time the work may take.
SILENCE = timedelta(seconds=15)

# Work before the post is one local step (design 5): it leaves nothing at the venue, every
# write in it is keyed, so a repeat after a crash finds its own rows. 10 s covers a slow book;
# after 30 s the touch is stale and the trade ends as not entered.
SCREEN = workflow.LocalActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_interval=timedelta(seconds=5),
        non_retryable_error_types=["VenueDrift"],  # outside the contract: do not trade on it
    ),
    summary="Screen the touch; reserve and sign the order",
)

# The only step that spends money is remote, so that each attempt leaves a trace. It repeats
# the same bytes until the intent is stale, which the activity itself decides from the store;
# after 35 s without any answer the order is asked for instead (12 s at most), so that the alert
# of an unknown fate is not the first thing that is late.
POST = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(seconds=35),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=250),
        maximum_interval=timedelta(seconds=5),
    ),
)

# One look, asked for by a signal: short, repeated until the venue and the store answer.
LOOK = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=250),
        maximum_interval=timedelta(seconds=10),
    ),
)

# One look at an order whose fate a person is waiting for: after 12 s the answer is "unknown",
# so that an outage cannot keep the trade from showing that.
ASK = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(seconds=12),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=250),
        maximum_interval=timedelta(seconds=5),
    ),
)

# Waiters raise "NothingYet" until there is news and name their own next look; waiting in the
# retry of an activity adds no history, however many days it takes.
WAIT = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=1.5,
        maximum_interval=timedelta(minutes=5),
    ),
    cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
)

# Rows in our own database: repeated for as long as it takes, since no trade may end without
# its books, and each write is keyed.
RECORD = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_interval=timedelta(seconds=10),
    ),
)

# An alert is a keyed row in the outbox; it must not hold a trade up for longer than a minute.
ALERT = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=5),
    schedule_to_close_timeout=timedelta(minutes=1),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=250)),
)


def say(config: workflow.ActivityConfig, summary: str) -> workflow.ActivityConfig:
    """Return the options with a line for the Web UI, cut to what its timeline shows."""
    return {**config, "summary": summary[:180]}

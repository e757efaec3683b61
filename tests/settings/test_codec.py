"""settings/codec.py and keyring.py: what is sealed, what opens it, and what does not."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from settings.codec import ENCODING, KEY_ID, Sealed, SealingCodec, data_converter
from settings.keyring import Keyring, KeyringError, new_key
from worker.runner import unsandboxed

OLD = "2025:" + base64.b64encode(b"o" * 32).decode()
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"0.95"')


def ring(*keys: str) -> Keyring:
    found = Keyring.parse(",".join(keys))
    assert found is not None
    return found


def key(name: str) -> str:
    return new_key(name)


def test_no_text_is_no_ring_and_leaves_payloads_plain() -> None:
    assert Keyring.parse("") is None and Keyring.parse(" , ") is None
    assert data_converter(None).payload_codec is None


def test_the_first_key_seals_and_a_bare_key_gets_a_name() -> None:
    bare = base64.b64encode(b"k" * 32).decode()
    found = ring(key("b"), key("a"))
    assert found.current == "b" and list(found.keys) == ["b", "a"]
    assert len(ring(bare).current) == 8


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a:%%%", "base64"),
        ("a:" + base64.b64encode(b"hunter2").decode(), "32 bytes, was 7"),
        ("a b:" + base64.b64encode(b"k" * 32).decode(), "key id"),
        (OLD + "," + OLD, "twice"),
    ],
)
def test_wrong_keys_are_refused_without_repeating_them(text: str, says: str) -> None:
    with pytest.raises(KeyringError, match=says) as caught:
        Keyring.parse(text)
    assert "hunter2" not in str(caught.value) and "aHVudGVyMg" not in str(caught.value)


def test_a_ring_never_shows_its_keys() -> None:
    text = key("a")
    assert text[2:] not in repr(ring(text)) and "keys" not in repr(ring(text))


@given(st.lists(st.binary(max_size=300), max_size=4))
async def test_what_is_sealed_opens_again_and_hides_its_text(texts: list[bytes]) -> None:
    codec = SealingCodec(ring(OLD))
    payloads = [Payload(metadata={"encoding": b"binary/plain"}, data=text) for text in texts]
    sealed = await codec.encode(payloads)
    assert [p.metadata["encoding"] for p in sealed] == [ENCODING] * len(texts)
    assert await codec.decode(sealed) == payloads


async def test_equal_payloads_are_sealed_differently() -> None:
    codec = SealingCodec(ring(OLD))
    one, other = await codec.encode([PLAIN, PLAIN])
    assert one.data != other.data and b"0.95" not in one.data


async def test_a_plain_payload_passes_when_read() -> None:
    assert await SealingCodec(ring(OLD)).decode([PLAIN]) == [PLAIN]


async def test_rotation_reads_what_the_old_key_sealed_and_seals_with_the_new() -> None:
    old, new = key("old"), key("new")
    (before,) = await SealingCodec(ring(old)).encode([PLAIN])
    rotated = SealingCodec(ring(new, old))
    assert await rotated.decode([before]) == [PLAIN]
    (after,) = await rotated.encode([PLAIN])
    assert after.metadata[KEY_ID] == b"new"
    with pytest.raises(Sealed, match="keys new, was sealed with b'old'"):
        await SealingCodec(ring(new)).decode([before])


@pytest.mark.parametrize("at", [0, 12, -1])
async def test_a_changed_payload_is_refused(at: int) -> None:
    codec = SealingCodec(ring(OLD))
    (sealed,) = await codec.encode([PLAIN])
    data = bytearray(sealed.data)
    data[at] ^= 1
    sealed.data = bytes(data)
    with pytest.raises(Sealed, match="was changed"):
        await codec.decode([sealed])
    sealed.data = b""
    with pytest.raises(Sealed):
        await codec.decode([sealed])


async def test_another_key_under_the_same_id_and_another_id_are_refused() -> None:
    mine, foreign = key("a"), key("a")
    (sealed,) = await SealingCodec(ring(mine)).encode([PLAIN])
    with pytest.raises(Sealed):
        await SealingCodec(ring(foreign)).decode([sealed])
    both = SealingCodec(ring(mine, "b:" + mine[2:]))  # one key, two ids: the id is bound
    sealed.metadata[KEY_ID] = b"b"
    with pytest.raises(Sealed):
        await both.decode([sealed])


@workflow.defn
class Told:
    """Fails by an activity with a secret in its message."""

    @workflow.run
    async def run(self, secret: str) -> Decimal:
        """Say it in a memo, a summary, a query, a failure."""
        await workflow.execute_activity(
            tell,
            secret,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=f"tells {secret}",
        )
        return Decimal(1)


@activity.defn
async def tell(secret: str) -> None:
    raise ApplicationError(f"the secret is {secret}", secret, type="Told")


async def test_histories_of_a_real_server_hold_no_text_not_even_of_failures(
    temporal_client: Client,
) -> None:
    secret, queue = "planted-" + uuid.uuid4().hex, uuid.uuid4().hex
    config = temporal_client.config()
    config["data_converter"] = data_converter(ring(key("a")))
    client = Client(**config)
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Told],
        activities=[tell],
        workflow_runner=unsandboxed(),
    ):
        handle = await client.start_workflow(
            Told.run,
            secret,
            id=queue,
            task_queue=queue,
            memo={"m": secret},
            static_summary=secret,
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, ActivityError)
    assert f"the secret is {secret}" in str(caught.value.cause.cause)  # those with the key read it
    history = await handle.fetch_history()
    text = history.to_json()
    described = str((await handle.describe()).raw_description)
    assert "Encoded failure" in text
    for kept in (text, described, str(history.events)):
        assert secret not in kept
        assert base64.b64encode(secret.encode()).decode()[:-4] not in kept

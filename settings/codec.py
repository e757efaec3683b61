"""Payload encryption: AES-256-GCM with key ids and rotation. Pure cryptography, no I/O.

Everything Temporal stores of a trade passes through it: inputs, results, memos, summaries, and
failure messages. Search attributes never do: Temporal must index them, so they hold no secret.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

from settings.keyring import Keyring

ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
NONCE_BYTES = 12


class Sealed(ValueError):
    """A payload cannot be opened: its key is not in the ring, or it was tampered with."""


class SealingCodec(PayloadCodec):
    """Seals every payload with the ring's current key, and opens those of all its keys.

    The key id is bound to the ciphertext. A plain payload passes when read: histories from before
    the first key stay readable, and so do the messages of `temporal workflow signal`.
    """

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._ciphers = {name: AESGCM(key) for name, key in ring.keys.items()}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads sealed, in order."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads opened, in order.

        Raises:
            Sealed: one of them cannot be opened.
        """
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        name = self._ring.current.encode()
        nonce = os.urandom(NONCE_BYTES)
        text = self._ciphers[self._ring.current].encrypt(
            nonce, payload.SerializeToString(), _bound(name)
        )
        return Payload(metadata={"encoding": ENCODING, KEY_ID: name}, data=nonce + text)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        name = payload.metadata.get(KEY_ID, b"")
        cipher = self._ciphers.get(name.decode(errors="replace"))
        if cipher is None:
            known = ", ".join(self._ciphers)
            raise Sealed(f"a payload needs one of the keys {known}, was sealed with {name[:64]!r}")
        nonce, text = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, text, _bound(name)))
        except (InvalidTag, ValueError):
            raise Sealed("a payload must be as it was sealed, was changed") from None


def _bound(name: bytes) -> bytes:
    return ENCODING + b"\0" + name


def data_converter(ring: Keyring | None) -> DataConverter:
    """Return how values travel: pydantic JSON, sealed when there is a key, failures included."""
    if ring is None:
        return pydantic_data_converter
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=SealingCodec(ring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )

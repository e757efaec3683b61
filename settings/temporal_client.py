"""The one way to Temporal: address, namespace, TLS, API key and the data converter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile

from settings.codec import data_converter
from settings.errors import SettingsError
from settings.keyring import Keyring
from settings.model import TemporalSettings

# No default: a worker that reaches some other server on this machine would serve its trades
# with our wallet and our database.
NO_ADDRESS = (
    "temporal.address: expected host:port of the Temporal server, was not set. Set"
    " TEMPORAL_ADDRESS, or start everything with ./touchline up"
)
NAMES_A_FILE = ("TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE")


async def connect_temporal(
    temporal: TemporalSettings, *, lazy: bool = False, environ: Mapping[str, str] | None = None
) -> Client:
    """Return a client for these settings; `lazy` connects at the first call.

    TLS, API key and headers come from Temporal's own variables (TEMPORAL_TLS_…,
    TEMPORAL_API_KEY) or from a profile of its file, if one is named.

    Raises:
        RuntimeError: nobody answers there.
        SettingsError: nobody said where the server is.
        KeyringError: temporal.encryption_key holds no usable key.
    """
    ring = Keyring.parse(temporal.encryption_key.get_secret_value())
    return await Client.connect(
        **connection(temporal, os.environ if environ is None else environ),
        data_converter=data_converter(ring),
        lazy=lazy,
    )


def connection(temporal: TemporalSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of Client.connect that say where and how.

    Our settings name the place. Temporal's file is read only when TEMPORAL_PROFILE or
    TEMPORAL_CONFIG_FILE asks for it: a default profile made for the `temporal` command must not
    send its API key to the server of a demo. An embedded server is given nothing of it.
    """
    place = {"target_host": temporal.address, "namespace": temporal.namespace}
    if temporal.embedded:
        return place
    profile = ClientConfigProfile.load(
        disable_file=not any(environ.get(name) for name in NAMES_A_FILE),
        override_env_vars={k: v for k, v in environ.items() if k.startswith("TEMPORAL_")},
    )
    found: dict[str, Any] = dict(profile.to_client_connect_config())
    if not temporal.address:
        if "target_host" not in found:
            raise SettingsError([NO_ADDRESS])
        place["target_host"] = found["target_host"]
        place["namespace"] = found.get("namespace", temporal.namespace)
    return {**found, **place}

"""Telemetry: Temporal's own metrics (polls, latencies, failures, slots) for Prometheus."""

from __future__ import annotations

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig


def expose(port: int, host: str = "127.0.0.1") -> None:
    """Serve the SDK's metrics at `/metrics` of a port; to be called before the first client.

    Durations are in seconds, as Prometheus wants them.
    """
    metrics = PrometheusConfig(
        bind_address=f"{host}:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=metrics)))

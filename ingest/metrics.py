"""Metrics of ingest in Prometheus form: read from live counters when asked, nothing to update."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from socketserver import ThreadingMixIn
from typing import TypeVar
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

T = TypeVar("T")
Counts = Mapping[str, int]
PATIENCE = 10.0  # seconds of silence until a connection is closed


class IngestMetrics(Collector):
    """`gauges` and `counters` are asked at every scrape; a counter has one label, `what`."""

    def __init__(
        self,
        gauges: Callable[[], Mapping[str, float | Mapping[str, float]]],
        counters: Callable[[], Mapping[str, Counts]],
    ) -> None:
        """Ask these."""
        self._gauges, self._counters = gauges, counters

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, named `touchline_ingest_…`."""
        for name, value in self._gauges().items():
            yield _gauge(f"touchline_ingest_{name}", name.replace("_", " "), value)
        for name, counts in self._counters().items():
            counter = CounterMetricFamily(
                f"touchline_ingest_{name}", name.replace("_", " "), labels=["what"]
            )
            for what, value in counts.items():
                counter.add_metric([what or "frame"], value)
            yield counter


def _gauge(name: str, text: str, value: float | Mapping[str, float]) -> GaugeMetricFamily:
    """Return a gauge with one value, or with one for each socket."""
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, text, value=value)
    family = GaugeMetricFamily(name, text, labels=["socket"])
    for socket, one in value.items():
        family.add_metric([socket], one)
    return family


def from_loop(loop: asyncio.AbstractEventLoop, read: Callable[[], T]) -> Callable[[], T]:
    """Return a function for other threads that lets the loop's own thread read.

    What is counted has one writer, the loop; a look from another thread could meet it half done.

    Source: finding ING-L2.
    """

    def ask() -> T:
        """Raises TimeoutError when the loop does not answer."""
        answer: Future[T] = Future()

        def look() -> None:
            try:
                answer.set_result(read())
            except Exception as e:  # it belongs to who asked
                answer.set_exception(e)

        loop.call_soon_threadsafe(look)
        return answer.result(PATIENCE)

    return ask


class _Server(ThreadingMixIn, WSGIServer):
    """One thread a request, so that a slow one holds up nobody."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke or was too slow."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, format: str, *args: object) -> None:
        """Keep no log of requests."""


def serve(metrics: IngestMetrics, port: int, host: str = "127.0.0.1") -> Callable[[], None]:
    """Serve the metrics; return what stops it.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    server = make_server(host, port, make_wsgi_app(registry), _Server, handler_class=_Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    return stop

"""What Prometheus is told. Each server has a registry of its own, so that several live in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from .line import Line

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Counts:
    """The metrics of one server."""

    def __init__(self, line: Line) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "earmark_requests", "Requests answered.", ["path", "method", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "earmark_request_seconds",
            "From the first byte to the last.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refused = Counter("earmark_refused", "Requests refused, by reason.", ["code"], registry=self.registry)
        self.received = Counter("earmark_received_bytes", "Bytes of bodies.", registry=self.registry)
        self.waited = Histogram(
            "earmark_wait_seconds", "From the end of an upload to its worker.", buckets=_SECONDS, registry=self.registry
        )
        self.sound = Counter("earmark_sound_seconds", "Seconds of sound evaluated.", ["model"], registry=self.registry)
        self.labels = Counter("earmark_labels", "Answers by label.", ["model", "label"], registry=self.registry)
        self.unknown = Counter("earmark_unknown", "Answers that said unknown.", ["model"], registry=self.registry)
        waiting = Gauge("earmark_waiting", "Requests that wait for a worker.", registry=self.registry)
        waiting.set_function(lambda: line.waiting)
        inside = Gauge("earmark_inside", "Requests that wait or are at work.", registry=self.registry)
        inside.set_function(lambda: line.inside)

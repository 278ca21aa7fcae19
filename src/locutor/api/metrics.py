"""Counts of HTTP requests, beside what serving measures, in Prometheus' text format."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Requests by route, method and status, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self._requests = Counter("http_requests_total", "HTTP requests", labels, registry=registry)
        self._latency = Histogram(
            "api_latency_seconds",
            "Time from a request to the end of its answer",
            ("route",),
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
        )

    def count(self, method: str, route: str, status: int, elapsed_s: float) -> None:
        """route: the template, never the path, so that ids make no new series."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._latency.labels(route).observe(elapsed_s)

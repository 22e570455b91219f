"""Metrics that last between observations: counters, histograms, and the few gauges that keep their value.

Everything else is on a page, which is replaced as a whole by whoever last said it (`metrics_pages`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller.metrics_catalog import CATALOG, SITE_LABEL, Kind, Spec
from controller.metrics_sample import Amount

_LASTING_GAUGES = ("heartbeat_timestamp_seconds", "cycle_timestamp_seconds", "proposals_pending")


class Lasting:
    """One site's lasting metrics. Names are without prefix, labels without site."""

    def __init__(self, site_id: str, registry: CollectorRegistry) -> None:
        self._site_id = site_id
        self._instruments = {s.short: _instrument(s, registry) for s in CATALOG.values() if _lasts(s)}

    def count(self, name: str, labels: Sequence[str] = (), amount: float = 1) -> None:
        """Add to a counter; adding zero makes it exist."""
        counter = self._instruments[name]
        assert isinstance(counter, Counter)
        counter.labels(self._site_id, *labels).inc(amount)

    def put(self, name: str, value: float) -> None:
        """Set a gauge."""
        gauge = self._instruments[name]
        assert isinstance(gauge, Gauge)
        gauge.labels(self._site_id).set(value)

    def time(self, name: str, seconds: float, labels: Sequence[str] = ()) -> None:
        """Put a duration into a histogram."""
        histogram = self._instruments[name]
        assert isinstance(histogram, Histogram)
        histogram.labels(self._site_id, *labels).observe(seconds)

    def add(self, amounts: Iterable[Amount]) -> None:
        """Add amounts; one below zero cannot be counted, and that it was left out is counted instead."""
        for amount in amounts:
            if amount.value < 0:
                self.count("unexportable_total", (amount.figure,))
            else:
                self.count(amount.metric, amount.labels, amount.value)


def _lasts(spec: Spec) -> bool:
    return spec.kind is not Kind.GAUGE or spec.short in _LASTING_GAUGES


def _instrument(spec: Spec, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = (SITE_LABEL, *spec.labels)
    match spec.kind:
        case Kind.COUNTER:
            return Counter(spec.name, spec.help, labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(spec.name, spec.help, labels, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(spec.name, spec.help, labels, registry=registry, buckets=spec.buckets)

"""Collectors of a scrape: what was last said, page by page, and a registry without its clutter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric

from controller.metrics_catalog import CATALOG, SITE_LABEL
from controller.metrics_sample import Sample


class Pages:
    """A collector of what was last said, page by page; a page is replaced as a whole."""

    def __init__(self, site_id: str, pages: Mapping[str, tuple[Sample, ...]]) -> None:
        self._site_id = site_id
        self._pages = pages

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: which series there are depends on what was last seen."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One family a metric, over all pages."""
        families: dict[str, GaugeMetricFamily] = {}
        for sample in [s for page in list(self._pages.values()) for s in page]:
            spec = CATALOG[sample.metric]
            if sample.metric not in families:
                families[sample.metric] = GaugeMetricFamily(
                    spec.name, spec.help, labels=(SITE_LABEL, *spec.labels)
                )
            families[sample.metric].add_metric([self._site_id, *sample.labels], sample.value)
        return families.values()


class WithoutCreated:
    """A registry's metrics without the `_created` gauges the client adds to every counter."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """The same families, fewer samples."""
        for metric in self._registry.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric

"""The simulated servers' own metrics page: a real Prometheus exporter for one gateway of the site."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from plant.gateways import Gateway
from plant.points import Point, PointId, PrometheusAddress
from plant.site import Site
from plant.units import unit
from sim.faces.ports import endpoint, port_taken

Extra = Callable[[], Iterable[Metric]]


class PointCollector(Collector):
    """Renders the last published values; a point with no value is absent, never frozen or zero."""

    def __init__(self, points: tuple[Point, ...], extra: Extra) -> None:
        self._points = points
        self._extra = extra
        self._values: Mapping[PointId, float] = {}

    def publish(self, values: Mapping[PointId, float]) -> None:
        """Show these (inside units) from now on. One assignment, so scrapes see all or nothing."""
        self._values = dict(values)

    def collect(self) -> Iterable[Metric]:
        """All metrics of this gateway."""
        values = self._values
        families: dict[str, tuple[tuple[str, ...], Metric]] = {}
        for point in self._points:
            address = point.address
            assert isinstance(address, PrometheusAddress)
            value = values.get(point.id, float("nan"))
            if value != value:
                continue
            names, family = families.get(address.metric) or self._family(point, address, families)
            labels = [address.labels.get(name, "") for name in names]
            family.add_metric(labels, unit(point.unit).from_inside(value))  # type: ignore[attr-defined]
        yield from (family for _, family in families.values())
        yield from self._extra()

    def _family(
        self, point: Point, address: PrometheusAddress, families: dict[str, tuple[tuple[str, ...], Metric]]
    ) -> tuple[tuple[str, ...], Metric]:
        names = tuple(
            sorted(
                {
                    name
                    for p in self._points
                    if isinstance(p.address, PrometheusAddress) and p.address.metric == address.metric
                    for name in p.address.labels
                }
            )
        )
        text = f"{point.quantity.value.replace('_', ' ').capitalize()} in {point.unit} (simulated)."
        kind = CounterMetricFamily if address.metric.endswith("_total") else GaugeMetricFamily
        families[address.metric] = (names, kind(address.metric, text, labels=names))
        return families[address.metric]


class ExporterFace:
    """One exporter gateway, served over HTTP in a thread of its own."""

    def __init__(self, site: Site, gateway: Gateway, extra: Extra) -> None:
        self.gateway = gateway
        self.host, self.port = endpoint(gateway)
        points = tuple(
            p
            for p in site.points
            if isinstance(p.address, PrometheusAddress) and p.address.gateway == gateway.id
        )
        self._collector = PointCollector(points, extra)
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def publish(self, values: Mapping[PointId, float]) -> None:
        """Show these values (inside units) from now on."""
        self._collector.publish(values)

    def start(self) -> None:
        """Listen; `ConfigError` if the port is taken."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._collector)
        try:
            self._server, self._thread = start_http_server(self.port, addr=self.host, registry=registry)
        except OSError as error:
            raise port_taken(self.host, self.port, f"exporter gateway {self.gateway.id}", error) from error

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

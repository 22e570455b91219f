"""From a scenario to the site and the plant it describes."""

from __future__ import annotations

from dataclasses import replace

from plant.site import CarbonSource, InletLimits, Site, Zone
from plant.site_file import load_site
from sim.faults import check_target
from sim.plant import SimulatedPlant
from sim.scenario.drivers import TraceWeather, TraceWorkload, TrainingWorkload, read_trace
from sim.scenario.record import Limits, Scenario, WeatherChoice
from sim.weather import ConstantWeather, WeatherSource, load_weather
from sim.workload import ConstantWorkload, DiurnalWorkload, WorkloadSource


def build_site(scenario: Scenario) -> Site:
    """The site with the scenario's limits, tariff and carbon source.

    Raises
    ------
    ConfigError
        If the site file is wrong, or a fault is aimed at what the site does not have.
    """
    site = load_site(scenario.site_file)
    for number, fault in enumerate(scenario.faults):
        check_target(fault, site, where=f"scenario {scenario.name}, key faults.{number}")
    price = scenario.price
    tariff = site.tariff
    if price.per_kwh is not None:
        tariff = replace(tariff, price_per_kwh=price.per_kwh, periods=())
    if price.carbon_per_tonne is not None:
        tariff = replace(tariff, carbon_price_per_tonne=price.carbon_per_tonne)
    c = scenario.carbon
    carbon = site.carbon if c is None else CarbonSource(c.provider, c.region, c.path)
    zones = tuple(limited(zone, scenario.limits) for zone in site.zones)
    return replace(site, zones=zones, tariff=tariff, carbon=carbon)


def limited(zone: Zone, limits: Limits) -> Zone:
    """The zone with these limits in place of its own."""
    own = zone.limits
    return replace(
        zone,
        limits=InletLimits(
            own.recommended_min_c,
            own.recommended_max_c if limits.inlet_max_c is None else limits.inlet_max_c,
            own.allowable_max_c if limits.allowable_max_c is None else limits.allowable_max_c,
            own.margin_k if limits.margin_k is None else limits.margin_k,
        ),
    )


def build_plant(scenario: Scenario, site: Site) -> SimulatedPlant:
    """The healthy plant the scenario plays on, not reset yet.

    Raises
    ------
    ConfigError
        If weather or a trace cannot be read.
    """
    weather, workload = build_weather(scenario.weather), build_workload(scenario, site)
    return SimulatedPlant(site, None, weather, workload, scenario.seed)


def build_weather(choice: WeatherChoice) -> WeatherSource:
    """The air outside."""
    if choice.trace is not None:
        return TraceWeather(read_trace(choice.trace, ("dry_bulb_c", "wet_bulb_c")))
    if choice.dry_bulb_c is not None and choice.wet_bulb_c is not None:
        return ConstantWeather(choice.dry_bulb_c, choice.wet_bulb_c)
    return load_weather(choice.name or "")


def build_workload(scenario: Scenario, site: Site) -> WorkloadSource:
    """What the servers do."""
    load, zones = scenario.load, len(site.zones)
    diurnal = DiurnalWorkload(zones, scenario.seed)
    match load.kind:
        case "constant":
            return ConstantWorkload((load.utilization,) * zones)
        case "training":
            job_s, rest_s = load.job.total_seconds(), load.rest.total_seconds()
            return TrainingWorkload(
                diurnal, site, load.zones, load.low, load.high, job_s, rest_s, scenario.seed
            )
        case "trace" if load.trace is not None:
            return TraceWorkload(read_trace(load.trace, [z.id for z in site.zones]))
        case _:
            return diurnal

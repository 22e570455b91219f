"""The probe: reads every point of a site, writes nothing, and says what looks wrong and why."""

from telemetry.probe.probe import Finding, probe

__all__ = ["Finding", "probe"]

"""The historian: what the site's points were, kept compactly and given back on a regular grid."""

from telemetry.historian.historian import Historian, Retention
from telemetry.historian.writer import StoreState

__all__ = ["Historian", "Retention", "StoreState"]

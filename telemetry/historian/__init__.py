"""The historian: what the site's points were, kept compactly and given back on a regular grid."""

from telemetry.historian.historian import Historian, StoreState

__all__ = ["Historian", "StoreState"]

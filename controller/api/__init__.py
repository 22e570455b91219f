"""The supervisory API: what an operator, the console and the command line talk to."""

from controller.api.app import build_app
from controller.api.deps import ApiDeps
from controller.api.events import EventBus

__all__ = ["ApiDeps", "EventBus", "build_app"]

"""Libraries of the extra `reports`: imported when needed, and named when they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from plant.errors import ConfigError


def needed(module: str, form: str) -> Any:
    """Import a module of the extra.

    Raises
    ------
    ConfigError
        If it is not installed; the mend names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigError(
            f"report format {form}",
            f"needs {module.partition('.')[0]}, which is not installed",
            'install the extra: pip install "coolwright[reports]"',
        ) from None

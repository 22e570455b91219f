from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from wire_server import WireDevice


@pytest_asyncio.fixture
async def device() -> AsyncIterator[WireDevice]:
    """A Modbus device on loopback that a test may make misbehave."""
    device = WireDevice()
    await device.start()
    yield device
    await device.stop()

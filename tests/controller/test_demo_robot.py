"""The demo's operator ends with the demo, also in the middle of a question."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from controller.client import ApiClient
from controller.demo.robot import approve_everything
from plant.errors import ConfigError


class Gone:
    """A controller that no longer answers, and may have said so before."""

    def __init__(self, stopping: asyncio.Event, *, told: bool) -> None:
        self.stopping, self.told = stopping, told

    def get(self, path: str, query: object) -> list[object]:
        if self.told:
            self.stopping.set()
        raise ConfigError("controller", "does not answer", "start it")


async def test_a_server_that_goes_first_is_no_mishap() -> None:
    stopping = asyncio.Event()
    await approve_everything(cast(ApiClient, Gone(stopping, told=True)), stopping)


async def test_a_server_that_is_gone_while_the_demo_runs_is_one() -> None:
    stopping = asyncio.Event()
    with pytest.raises(ConfigError):
        await approve_everything(cast(ApiClient, Gone(stopping, told=False)), stopping)

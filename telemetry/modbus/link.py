"""A connection: one request at a time, every failure a value. Only this and `transport` know pymodbus.

Why it is built as it is (each found by trying pymodbus 3.16.1):

- a call fails in three ways: a returned exception response, a raised ModbusException, a plain
  ValueError; all become a `Fault`;
- after a refused first connect pymodbus never retries, and after a second loss its own reconnect
  and ours would race; so its reconnect is off, and each connection is a fresh client;
- some devices answer a bad address with too few registers and no error: lengths are checked;
- over TLS without an accepted certificate `connect()` succeeds and the first read times out.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from plant.gateways import Gateway
from plant.points import ModbusTable
from telemetry.backoff import Backoff
from telemetry.modbus.transport import Client, client_maker

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it dumps packets on stderr otherwise

_BITS = (ModbusTable.COIL, ModbusTable.DISCRETE)


class FaultKind(StrEnum):
    """Why a request brought no answer. A closed set."""

    NOT_CONNECTED = "not connected"
    TIMEOUT = "no answer in time"
    BUSY = "device busy"
    GATEWAY = "gateway cannot reach the device"
    ILLEGAL_FUNCTION = "illegal function"
    ILLEGAL_ADDRESS = "illegal address"
    ILLEGAL_VALUE = "illegal value"
    DEVICE_FAILURE = "device failure"
    BAD_ANSWER = "answer not understood"


RETRIED = frozenset({FaultKind.TIMEOUT, FaultKind.BUSY, FaultKind.GATEWAY, FaultKind.NOT_CONNECTED})
"""What may pass by itself. An illegal address stays illegal."""
SILENT = frozenset({FaultKind.TIMEOUT, FaultKind.GATEWAY, FaultKind.NOT_CONNECTED})
"""What says that the device is not there."""

# MODBUS Application Protocol V1.1b3, section 7.
_EXCEPTIONS: dict[int, FaultKind] = {
    1: FaultKind.ILLEGAL_FUNCTION,
    2: FaultKind.ILLEGAL_ADDRESS,
    3: FaultKind.ILLEGAL_VALUE,
    4: FaultKind.DEVICE_FAILURE,
    5: FaultKind.BUSY,
    6: FaultKind.BUSY,
    10: FaultKind.GATEWAY,
    11: FaultKind.GATEWAY,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that brought no answer."""

    kind: FaultKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} ({self.detail})" if self.detail else self.kind.value


Words: TypeAlias = list[int]
Request: TypeAlias = Callable[[Client], Awaitable[ModbusPDU]]


class ModbusLink:
    """One connection to one host, opened when needed and re-opened as often as it is lost.

    Raises
    ------
    ConfigError
        If the target or the certificates are not usable.
    """

    def __init__(self, gateway: Gateway, rng: random.Random) -> None:
        self._gateway = gateway
        self._new_client = client_maker(gateway)
        self._backoff = Backoff(rng, first_s=0.1, most_s=5.0)
        self._rng = rng
        self._client: Client | None = None
        self._not_before = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Whether there is a connection that has not been lost."""
        return self._client is not None and self._client.connected

    async def read(
        self, table: ModbusTable, device_id: int, start: int, count: int, *, tries: int = 1
    ) -> Words | Fault:
        """Read ``count`` registers, or bits as 0/1. Never raises for the world's failures."""

        async def ask(client: Client) -> ModbusPDU:
            match table:
                case ModbusTable.COIL:
                    return await client.read_coils(start, count=count, device_id=device_id)
                case ModbusTable.DISCRETE:
                    return await client.read_discrete_inputs(start, count=count, device_id=device_id)
                case ModbusTable.INPUT:
                    return await client.read_input_registers(start, count=count, device_id=device_id)
                case ModbusTable.HOLDING:
                    return await client.read_holding_registers(start, count=count, device_id=device_id)

        answer = await self._ask(ask, tries)
        if isinstance(answer, Fault):
            return answer
        # Bits come in whole bytes, padded with zeros.
        words = [int(bit) for bit in answer.bits[:count]] if table in _BITS else list(answer.registers)
        if len(words) != count:
            return Fault(FaultKind.BAD_ANSWER, f"{len(words)} values for {count} asked")
        return words

    async def write(self, table: ModbusTable, device_id: int, start: int, words: Words) -> Fault | None:
        """Write registers in one request (function 16, or 6 where 16 is not known), or one coil.

        Tried once: a write without an answer may have been done, and only a reader can tell.
        """

        async def ask(client: Client) -> ModbusPDU:
            if table is ModbusTable.COIL:
                return await client.write_coil(start, bool(words[0]), device_id=device_id)
            return await client.write_registers(start, words, device_id=device_id)

        async def ask_single(client: Client) -> ModbusPDU:
            return await client.write_register(start, words[0], device_id=device_id)

        answer = await self._ask(ask, 1)
        unknown = isinstance(answer, Fault) and answer.kind is FaultKind.ILLEGAL_FUNCTION
        if unknown and table is ModbusTable.HOLDING and len(words) == 1:
            answer = await self._ask(ask_single, 1)
        return answer if isinstance(answer, Fault) else None

    async def close(self) -> None:
        """Give the connection back. The next request would open another."""
        self._drop()

    async def _ask(self, request: Request, tries: int) -> ModbusPDU | Fault:
        wait = Backoff(self._rng, first_s=0.05, most_s=1.0)
        while True:
            async with self._lock:
                answer = await self._ask_once(request)
            tries -= 1
            if not isinstance(answer, Fault) or answer.kind not in RETRIED or tries <= 0:
                return answer
            await asyncio.sleep(wait.failed())

    async def _ask_once(self, request: Request) -> ModbusPDU | Fault:
        client = await self._connection()
        if isinstance(client, Fault):
            return client
        try:
            answer = await request(client)
        except asyncio.CancelledError:
            self._drop()  # its answer may still come, and must not meet another question
            raise
        except ConnectionException as error:
            self._drop()
            return Fault(FaultKind.NOT_CONNECTED, str(error.string))
        except ModbusException:
            # The peer may be gone without a word (power loss): a new connection finds out, and no
            # late answer can meet a later question.
            self._drop()
            return Fault(FaultKind.TIMEOUT, f"within {self._gateway.timeout_s:g} s")
        except (ValueError, OSError) as error:
            self._drop()
            return Fault(FaultKind.BAD_ANSWER, str(error))
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            return Fault(_EXCEPTIONS.get(code, FaultKind.DEVICE_FAILURE), f"exception {code}")
        return answer

    async def _connection(self) -> Client | Fault:
        if self._client is not None and self._client.connected:
            return self._client
        self._drop()
        now = asyncio.get_running_loop().time()
        if now < self._not_before:
            return Fault(FaultKind.NOT_CONNECTED, f"next attempt in {self._not_before - now:.1f} s")
        client = self._new_client()
        try:
            connected = await client.connect()
        except (ModbusException, OSError, ssl.SSLError) as error:
            client.close()
            return self._not_connected(str(error))
        if not connected:
            client.close()
            return self._not_connected(f"{self._gateway.target} does not accept a connection")
        self._client = client
        self._backoff.succeeded()
        return client

    def _not_connected(self, why: str) -> Fault:
        self._not_before = asyncio.get_running_loop().time() + self._backoff.failed()
        return Fault(FaultKind.NOT_CONNECTED, why)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

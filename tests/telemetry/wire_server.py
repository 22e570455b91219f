"""A Modbus TCP device written from the specification, without pymodbus, that can misbehave.

MODBUS Application Protocol V1.1b3 and MODBUS Messaging on TCP/IP V1.0b.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Request:
    """One request as it came off the wire."""

    unit: int
    function: int
    start: int
    count: int
    words: list[int] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return self.function in (5, 6, 15, 16)


SILENT = b"silent"
HANG_UP = b"hang up"
Behavior = Callable[["WireDevice", Request], "int | bytes | None"]
"""None: behave. A number: that exception code. SILENT: no answer. HANG_UP: close. Other bytes: this PDU."""


class WireDevice:
    """Four tables for each unit; every request is kept in `log`."""

    def __init__(self) -> None:
        self.holding: dict[tuple[int, int], int] = {}
        self.input: dict[tuple[int, int], int] = {}
        self.bits: dict[tuple[int, int], int] = {}
        self.units: set[int] = {1}
        self.log: list[Request] = []
        self.connections = 0
        self.behave: Behavior = lambda device, request: None
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    def set(self, start: int, words: list[int], *, unit: int = 1, table: str = "holding") -> None:
        where = {"holding": self.holding, "input": self.input, "bits": self.bits}[table]
        where.update({(unit, start + i): word for i, word in enumerate(words)})

    def store(self, request: Request) -> None:
        if request.function in (5, 15):
            self.set(request.start, request.words, unit=request.unit, table="bits")
        else:
            self.set(request.start, request.words, unit=request.unit)

    @property
    def writes(self) -> list[Request]:
        return [r for r in self.log if r.writes]

    @property
    def reads(self) -> list[Request]:
        return [r for r in self.log if not r.writes]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                tid, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                request = _parse(unit, await reader.readexactly(length - 1))
                self.log.append(request)
                pdu = self._answer(request)
                if pdu == HANG_UP:
                    return
                if pdu != SILENT:
                    writer.write(struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, request: Request) -> bytes:
        if request.unit not in self.units:
            return SILENT
        told = self.behave(self, request)
        if isinstance(told, bytes):
            return told
        if told is not None:
            return bytes([request.function | 0x80, told])
        if request.writes:
            self.store(request)
            return struct.pack(">BHH", request.function, request.start, request.count)
        table = {1: self.bits, 2: self.bits, 3: self.holding, 4: self.input}[request.function]
        keys = [(request.unit, request.start + i) for i in range(request.count)]
        if any(key not in table for key in keys):
            return bytes([request.function | 0x80, 2])
        values = [table[key] for key in keys]
        if request.function in (1, 2):
            packed = bytearray((len(values) + 7) // 8)
            for i, bit in enumerate(values):
                packed[i // 8] |= bit << i % 8
            return bytes([request.function, len(packed)]) + bytes(packed)
        return struct.pack(f">BB{len(values)}H", request.function, 2 * len(values), *values)


def _parse(unit: int, pdu: bytes) -> Request:
    function, start = struct.unpack_from(">BH", pdu)
    if function in (5, 6):
        (word,) = struct.unpack_from(">H", pdu, 3)
        return Request(unit, function, start, word, [int(word == 0xFF00) if function == 5 else word])
    (count,) = struct.unpack_from(">H", pdu, 3)
    words: list[int] = []
    if function == 16:
        words = list(struct.unpack_from(f">{count}H", pdu, 6))
    return Request(unit, function, start, count, words)

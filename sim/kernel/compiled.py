"""The plant's scan as machine code, made once for a site's structure and a step length."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from plant.errors import ConfigError
from sim.arrays import Array
from sim.kernel.emit import kernel_text
from sim.kernel.graph import Graph, Node
from sim.kernel.leaves import flat, leaves, rebuild, rebuild_parameters, unflat
from sim.kernel.trace import node_of, symbols
from sim.parameters import PlantParameters
from sim.plc import Registers
from sim.scan import Carry, Drive, scan
from sim.state import Weather

BATCH_LANES = 4
"""Doubles side by side in one AVX2 register; narrower machines split them."""


class CompiledScan:
    """`sim.scan.scan`, many steps a call, for one plant or for many of the same structure.

    Parameters
    ----------
    p
        True parameters. Numbers are compiled in; arrays are not, so that plants of one site that
        differ by their seed share the code.
    carry
        A state of the plant, for its shapes.
    step_s
        The one step length it does. [s]
    lanes
        Plants computed side by side.

    Raises
    ------
    ConfigError
        If llvmlite is not installed.
    """

    def __init__(self, p: PlantParameters, carry: Carry, step_s: float, lanes: int = 1) -> None:
        self.step_s, self.lanes = step_s, lanes
        self._carry = carry
        self._scan = _made(_Structure(_structure_key(p, carry, step_s, lanes), p, carry, step_s, lanes))
        self.params = _parameter_values(p)

    def run(self, carry: Carry, written: Registers, drive: Drive) -> Carry:
        """As many steps as `drive` has. Its arrays are (steps,) and (steps, zones)."""
        values = flat(carry)
        table = drive_table(drive)
        self._call(flat(written), values, table, table.shape[0], 1)
        return unflat(self._carry, values)

    def run_batch(self, carry: Array, held: Array, drive: Array) -> None:
        """Many plants at once, in place.

        Parameters
        ----------
        carry, held : shape (slots, plants)
            As `stacked` makes them; `carry` is changed.
        drive : shape (steps, slots, plants)
            Dry bulb, wet bulb, humidity ratio and each zone's utilization.
        """
        if carry.shape[1] % self.lanes:
            raise ValueError(f"plants must be a multiple of {self.lanes}")
        self._call(held, carry, drive, drive.shape[0], carry.shape[1])

    def apart(self, carry: Array) -> Carry:
        """A batch's carry as records with the plants first."""
        return unflat(self._carry, carry)

    def _call(self, held: Array, carry: Array, drive: Array, steps: int, plants: int) -> None:
        self._scan(*(a.ctypes.data for a in (self.params, held, carry, drive)), steps, plants)


def stacked(records: list[Any]) -> Array:
    """Records of many plants as one array. Shape (slots, plants)."""
    return np.ascontiguousarray(np.stack([flat(r) for r in records], axis=-1))


def drive_table(drive: Drive) -> Array:
    """What drives one plant, as the kernel reads it. Shape (steps, slots)."""
    weather = np.stack([np.asarray(w, float) for w in drive.weather], axis=1)
    return np.ascontiguousarray(np.concatenate([weather, np.asarray(drive.utilization, float)], axis=1))


def _is_structure(values: Array) -> bool:
    """Arrays of noughts and ones say how things hang together; they are compiled in."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _parameter_values(p: PlantParameters) -> Array:
    found: list[Array] = []

    def take(values: Array) -> Array:
        if not _is_structure(values):
            found.append(np.ravel(np.asarray(values, float)))
        return values

    rebuild_parameters(p, take)
    return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class _Structure:
    """All that code depends on. Equal keys, equal code."""

    key: tuple[Hashable, ...]
    p: PlantParameters
    carry: Carry
    step_s: float
    lanes: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _structure_key(p: PlantParameters, carry: Carry, step_s: float, lanes: int) -> tuple[Hashable, ...]:
    """Numbers, functions and shapes; of arrays of noughts and ones also what is in them."""
    shapes = tuple(np.shape(leaf) for leaf in leaves(carry))
    return (step_s, lanes, shapes, *_fixed(p))


def _fixed(tree: Any) -> Iterator[Hashable]:
    if isinstance(tree, np.ndarray):
        yield tree.shape
        if _is_structure(tree):
            yield tree.tobytes()
    elif is_dataclass(tree):
        for part in fields(tree):
            yield from _fixed(getattr(tree, part.name))
    elif isinstance(tree, tuple) and any(isinstance(part, np.ndarray) for part in tree):
        for part in tree:
            yield from _fixed(part)
    else:
        yield tree


@lru_cache(maxsize=16)
def _made(structure: _Structure) -> Callable[..., None]:
    """Traced and compiled, once for each structure."""
    s = structure
    return _compiled(_traced_text(s.p, s.carry, s.step_s, s.lanes))


def _traced_text(p: PlantParameters, carry: Carry, step_s: float, lanes: int) -> str:
    """Run the scan once on symbols, and write down what it did."""
    graph = Graph()

    def inputs(name: str) -> Callable[[Any], Any]:
        at = 0

        def make(values: Any) -> Any:
            nonlocal at
            if name == "params" and _is_structure(values):
                return values
            made = symbols(graph, name, at, np.shape(values))
            at += int(np.size(values))
            return made

        return make

    parameters = rebuild_parameters(p, inputs("params"))
    utilization = carry.flows.utilization
    drive = Drive(Weather(*(np.zeros(()) for _ in Weather._fields)), utilization)
    with np.errstate(all="ignore"):
        after = scan(
            parameters, rebuild(carry, inputs("carry")), rebuild(carry.active, inputs("held")),
            rebuild(drive, inputs("drive")), step_s,
        )  # fmt: skip
    results: list[Node] = []
    for before, now in zip(leaves(carry), leaves(after), strict=True):
        values = np.broadcast_to(np.asarray(now, dtype=object), np.shape(before))
        results.extend(node_of(graph, v) for v in values.flat)
    return kernel_text(graph, results, len(Weather._fields) + utilization.shape[-1], lanes)


def _compiled(text: str) -> Callable[..., None]:
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise ConfigError("the compiled simulator", "needs llvmlite", "pip install 'llvmlite'") from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
    )
    module = llvm.parse_assembly(text)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64, ctypes.c_int64)
    function = kind(engine.get_function_address("scan"))

    def call(*args: Any) -> None:
        function(*args)

    # The code lives as long as its engine.
    call.engine = engine  # type: ignore[attr-defined]
    return call

"""A traced graph as LLVM code: a loop over plants, in it a loop over steps, in it the graph.

One lane is one plant; several lanes are computed side by side in vector registers. Operations keep
NumPy's order and are not contracted or reassociated, so results differ from NumPy's by rounding in
sums and in the last digit of exponentials at most.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from sim.kernel.graph import Graph, Node

_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARE = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_LIBRARY = {"exp": 1, "expm1": 1, "log": 1, "log1p": 1, "pow": 2}
ARRAYS = ("params", "held", "carry", "drive")
"""What a kernel reads: parameters (shared by all plants), what is held during a call, what is carried
from step to step, and what drives each step."""


def kernel_text(graph: Graph, results: Sequence[Node], drive_slots: int, lanes: int) -> str:
    """The module's text: ``void scan(params, held, carry, drive, steps, plants)``.

    Arrays are ``[slot][plant]`` (`params` ``[slot]``, `drive` ``[step][slot][plant]``); ``plants`` is
    a multiple of `lanes`. `results` are the new values of the carry's slots, in order.
    """
    writer = _Writer(lanes)
    body = writer.body(_needed(results), drive_slots)
    stores = writer.stores(results)
    double = writer.double
    functions = "\n".join(
        f"declare double @{name}({', '.join(['double'] * count)})" for name, count in _LIBRARY.items()
    )
    return f"""{functions}
declare {double} @llvm.sqrt.{writer.suffix}({double})
declare {double} @llvm.fabs.{writer.suffix}({double})

define void @scan(ptr noalias %params, ptr noalias %held, ptr noalias %carry, ptr noalias %drive,
                  i64 %steps, i64 %plants) {{
entry:
  br label %plant
plant:
  %lane = phi i64 [0, %entry], [%next_lane, %plant_end]
  br label %step
step:
  %t = phi i64 [0, %plant], [%next_t, %step]
{body}
{stores}
  %next_t = add i64 %t, 1
  %more = icmp slt i64 %next_t, %steps
  br i1 %more, label %step, label %plant_end
plant_end:
  %next_lane = add i64 %lane, {lanes}
  %again = icmp slt i64 %next_lane, %plants
  br i1 %again, label %plant, label %done
done:
  ret void
}}
"""


def _needed(results: Sequence[Node]) -> list[Node]:
    """What the results depend on, in order."""
    wanted: dict[int, Node] = {}
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node.index not in wanted:
            wanted[node.index] = node
            waiting.extend(node.args)
    return [wanted[i] for i in sorted(wanted)]


class _Writer:
    """Lines of code, and where each node's value is."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.double = "double" if lanes == 1 else f"<{lanes} x double>"
        self.truth = "i1" if lanes == 1 else f"<{lanes} x i1>"
        self.suffix = "f64" if lanes == 1 else f"v{lanes}f64"
        self.lines: list[str] = []
        self._count = 0

    def body(self, nodes: Sequence[Node], drive_slots: int) -> str:
        """Code for every node."""
        self._line(f"%base = mul i64 %t, {drive_slots}")
        for node in nodes:
            if node.op == "const":
                continue
            if node.op in ARRAYS:
                self._load(node)
            elif node.op in _LIBRARY:
                self._library(node)
            else:
                self._line(f"%n{node.index} = {self._operation(node)}")
        return "\n".join(self.lines)

    def stores(self, results: Sequence[Node]) -> str:
        """Code that writes the new carry. All reads came before: each node is read once."""
        self.lines = []
        for slot, node in enumerate(results):
            place = self._place("carry", str(slot))
            self._line(f"store {self.double} {self._value(node)}, ptr {place}, align 8")
        return "\n".join(self.lines)

    def _line(self, text: str) -> None:
        self.lines.append("  " + text)

    def _fresh(self) -> str:
        self._count += 1
        return f"%x{self._count}"

    def _value(self, node: Node) -> str:
        if node.op != "const":
            return f"%n{node.index}"
        if node.truth:
            one = "true" if node.value else "false"
            return one if self.lanes == 1 else "<" + ", ".join([f"i1 {one}"] * self.lanes) + ">"
        bits = struct.unpack("<Q", struct.pack("<d", float(node.value or 0.0)))[0]
        one = f"0x{bits:016X}"
        return one if self.lanes == 1 else "<" + ", ".join([f"double {one}"] * self.lanes) + ">"

    def _place(self, array: str, slot: str) -> str:
        """The address of a slot of the present plants."""
        row, place = self._fresh(), self._fresh()
        self._line(f"{row} = mul i64 {slot}, %plants")
        at = self._fresh()
        self._line(f"{at} = add i64 {row}, %lane")
        self._line(f"{place} = getelementptr double, ptr %{array}, i64 {at}")
        return place

    def _load(self, node: Node) -> None:
        slot = int(node.value or 0)
        if node.op == "params":
            place, one = self._fresh(), f"%n{node.index}" if self.lanes == 1 else self._fresh()
            self._line(f"{place} = getelementptr double, ptr %params, i64 {slot}")
            self._line(f"{one} = load double, ptr {place}, align 8")
            if self.lanes > 1:
                lone = self._fresh()
                self._line(f"{lone} = insertelement {self.double} poison, double {one}, i32 0")
                zeros = f"<{self.lanes} x i32> zeroinitializer"
                self._line(
                    f"%n{node.index} = shufflevector {self.double} {lone}, {self.double} poison, {zeros}"
                )
            return
        where = str(slot)
        if node.op == "drive":
            where = self._fresh()
            self._line(f"{where} = add i64 %base, {slot}")
        place = self._place(node.op, where)
        self._line(f"%n{node.index} = load {self.double}, ptr {place}, align 8")

    def _operation(self, node: Node) -> str:
        args = [self._value(a) for a in node.args]
        kind = self.truth if node.args[0].truth else self.double
        if node.op in _ARITHMETIC:
            return f"{_ARITHMETIC[node.op]} {self.double} {args[0]}, {args[1]}"
        if node.op in _COMPARE:
            return f"fcmp {_COMPARE[node.op]} {self.double} {args[0]}, {args[1]}"
        match node.op:
            case "and" | "or":
                return f"{node.op} {kind} {args[0]}, {args[1]}"
            case "not":
                ones = "true" if self.lanes == 1 else "<" + ", ".join(["i1 true"] * self.lanes) + ">"
                return f"xor {kind} {args[0]}, {ones}"
            case "select":
                value = self.truth if node.truth else self.double
                return f"select {self.truth} {args[0]}, {value} {args[1]}, {value} {args[2]}"
            case "sqrt":
                return f"call {self.double} @llvm.sqrt.{self.suffix}({self.double} {args[0]})"
            case "abs":
                return f"call {self.double} @llvm.fabs.{self.suffix}({self.double} {args[0]})"
        raise AssertionError(node.op)

    def _library(self, node: Node) -> None:
        """A call of the C library's function for each lane."""
        values = [self._value(a) for a in node.args]
        if self.lanes == 1:
            listed = ", ".join(f"double {v}" for v in values)
            self._line(f"%n{node.index} = call double @{node.op}({listed})")
            return
        before = "poison"
        for lane in range(self.lanes):
            parts = []
            for value in values:
                part = self._fresh()
                self._line(f"{part} = extractelement {self.double} {value}, i32 {lane}")
                parts.append(f"double {part}")
            one = self._fresh()
            self._line(f"{one} = call double @{node.op}({', '.join(parts)})")
            after = f"%n{node.index}" if lane == self.lanes - 1 else self._fresh()
            self._line(f"{after} = insertelement {self.double} {before}, double {one}, i32 {lane}")
            before = after

"""What a function did to its inputs: a graph of scalar operations, each kept once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_FOLD: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "abs": abs,
    "select": lambda c, a, b: a if c else b,
}
COMPARE = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
LOGIC = frozenset({"and", "or", "not"})


@dataclass(frozen=True, eq=False)
class Node:
    """One scalar: an input, a constant, or an operation on others. `truth` marks booleans."""

    graph: Graph = field(repr=False)
    index: int
    op: str
    args: tuple[Node, ...]
    value: float | bool | None = None
    truth: bool = False

    def __add__(self, other: Any) -> Node:
        return self.graph.apply("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return self.graph.apply("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return self.graph.apply("sub", self, other)

    def __rsub__(self, other: Any) -> Node:
        return self.graph.apply("sub", other, self)

    def __mul__(self, other: Any) -> Node:
        return self.graph.apply("mul", self, other)

    def __rmul__(self, other: Any) -> Node:
        return self.graph.apply("mul", other, self)

    def __truediv__(self, other: Any) -> Node:
        return self.graph.apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return self.graph.apply("div", other, self)

    def __bool__(self) -> bool:
        raise TypeError("a traced value has no truth yet: write it with np.where")

    def __float__(self) -> float:
        raise TypeError("a traced value is not a number yet")


class Graph:
    """All operations of one trace, in an order in which each comes after what it needs."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[Any, ...], Node] = {}

    def input(self, name: str, slot: int) -> Node:
        """A value read from slot `slot` of the array `name`."""
        return self._keep((name, slot), lambda i: Node(self, i, name, (), float(slot)))

    def constant(self, value: float | bool) -> Node:
        """A number that never changes."""
        truth = isinstance(value, bool)
        key = ("const", truth, math.copysign(1.0, value), value)
        return self._keep(key, lambda i: Node(self, i, "const", (), value, truth))

    def apply(self, op: str, *operands: Any) -> Node:
        """An operation on nodes or numbers; folded where everything is known."""
        args = tuple(a if isinstance(a, Node) else self.constant(_plain(a)) for a in operands)
        if op not in LOGIC and op != "select":
            args = tuple(self._number(a) for a in args)
        if op == "select" and args[1].truth != args[2].truth:
            args = (args[0], self._number(args[1]), self._number(args[2]))
        if all(a.op == "const" for a in args):
            return self.constant(_FOLD[op](*(a.value for a in args)))
        shorter = self._shorter(op, args)
        if shorter is not None:
            return shorter
        truth = op in COMPARE or op in LOGIC or (op == "select" and args[1].truth)
        key = (op, *(a.index for a in args))
        return self._keep(key, lambda i: Node(self, i, op, args, None, truth))

    def _number(self, node: Node) -> Node:
        return self.apply("select", node, 1.0, 0.0) if node.truth else node

    def _shorter(self, op: str, args: tuple[Node, ...]) -> Node | None:
        """Exact simplifications: x·1, x+0, x·0 (every quantity here is finite), x², known branches."""
        first, last = args[0], args[-1]
        known = [a.value if a.op == "const" else None for a in args]
        match op:
            case "mul" if known[0] == 0.0 or known[1] == 0.0:
                return self.constant(0.0)
            case "mul" if known[0] == 1.0:
                return last
            case "mul" | "div" if known[1] == 1.0:
                return first
            case "add" if known[0] == 0.0:
                return last
            case "add" | "sub" if known[1] == 0.0:
                return first
            case "div" if known[0] == 0.0:
                return self.constant(0.0)
            case "pow" if known[1] == 2.0:
                return self.apply("mul", first, first)
            case "pow" if known[1] == 1.0:
                return first
            case "select" if known[0] is not None:
                return args[1] if known[0] else args[2]
            case "select" if args[1] is args[2]:
                return args[1]
        return None

    def _keep(self, key: tuple[Any, ...], make: Callable[[int], Node]) -> Node:
        found = self._known.get(key)
        if found is None:
            found = make(len(self.nodes))
            self.nodes.append(found)
            self._known[key] = found
        return found


def _plain(value: Any) -> float | bool:
    """A Python number from whatever NumPy hands over."""
    return bool(value) if isinstance(value, bool) or type(value).__name__ == "bool" else float(value)

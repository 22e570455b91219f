"""Arrays of symbols that NumPy code takes for arrays of numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.graph import Graph, Node

Objects = NDArray[Any]


def _binary(op: str) -> Callable[[Graph, Any, Any], Node]:
    return lambda graph, a, b: graph.apply(op, a, b)


def _unary(op: str) -> Callable[[Graph, Any], Node]:
    return lambda graph, a: graph.apply(op, a)


_UFUNCS: dict[str, Callable[..., Node]] = {
    "add": _binary("add"),
    "subtract": _binary("sub"),
    "multiply": _binary("mul"),
    "divide": _binary("div"),
    "power": _binary("pow"),
    "less": _binary("lt"),
    "less_equal": _binary("le"),
    "greater": _binary("gt"),
    "greater_equal": _binary("ge"),
    "equal": _binary("eq"),
    "not_equal": _binary("ne"),
    "bitwise_and": _binary("and"),
    "bitwise_or": _binary("or"),
    "logical_and": _binary("and"),
    "logical_or": _binary("or"),
    "invert": _unary("not"),
    "logical_not": _unary("not"),
    "exp": _unary("exp"),
    "expm1": _unary("expm1"),
    "log": _unary("log"),
    "log1p": _unary("log1p"),
    "sqrt": _unary("sqrt"),
    "absolute": _unary("abs"),
    "negative": lambda graph, a: graph.apply("sub", 0.0, a),
    "square": lambda graph, a: graph.apply("mul", a, a),
    "maximum": lambda graph, a, b: graph.apply("select", graph.apply("ge", a, b), a, b),
    "minimum": lambda graph, a, b: graph.apply("select", graph.apply("le", a, b), a, b),
}


class Traced(np.ndarray):
    """An object array whose elements are `Node`s (or numbers); arithmetic makes more of them."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Elementwise operations, sums and products, into the graph."""
        plain = [_bare(i) for i in inputs]
        graph = _graph_of(plain)
        if ufunc is np.matmul:
            product = np.frompyfunc(lambda a, b: graph.apply("mul", a, b), 2, 1)
            return _reduced(graph, "add", _wrap(product(plain[0][..., :, None], plain[1])), -2)
        if method == "reduce":
            return _reduced(graph, ufunc.__name__, _wrap(plain[0]), options.get("axis", 0))
        rule = _UFUNCS.get(ufunc.__name__)
        if rule is None or method != "__call__":
            raise TypeError(f"np.{ufunc.__name__} ({method}) cannot be traced")
        act = np.frompyfunc(lambda *a: rule(graph, *a), len(plain), 1)
        return _wrap(act(*plain))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """`np.where` becomes a selection; stacking and the like are NumPy's own."""
        if func is np.where:
            plain = [_bare(a) for a in args]
            graph = _graph_of(plain)
            act = np.frompyfunc(lambda c, a, b: graph.apply("select", c, a, b), 3, 1)
            return _wrap(act(*plain))
        return super().__array_function__(func, types, args, kwargs)

    def astype(self, *_: Any, **__: Any) -> Any:
        """Truth values as numbers."""
        plain = _bare(self)
        graph = _graph_of([plain])
        return _wrap(np.frompyfunc(lambda a: graph.apply("add", a, 0.0), 1, 1)(plain))


def _reduced(graph: Graph, name: str, values: Traced, axis: int | None) -> Traced:
    rule = _UFUNCS[name]
    plain = _bare(values)
    if axis is None:
        plain, axis = plain.reshape(-1), 0
    rows = np.moveaxis(plain, axis, 0)
    if len(rows) == 0:
        return _wrap(np.zeros(rows.shape[1:], dtype=object) + 0.0)
    act = np.frompyfunc(lambda a, b: rule(graph, a, b), 2, 1)
    return _wrap(reduce(act, list(rows)))


def _bare(value: Any) -> Objects:
    if isinstance(value, Node):
        box: Objects = np.empty((), dtype=object)
        box[()] = value
        return box
    return np.asarray(value).view(np.ndarray).astype(object)


def _wrap(value: Any) -> Traced:
    return _bare(value).view(Traced)


def _graph_of(arrays: list[Objects]) -> Graph:
    for array in arrays:
        for item in array.flat:
            if isinstance(item, Node):
                return item.graph
    # Nothing symbolic: folded by whatever graph.
    return Graph()


def symbols(graph: Graph, name: str, first_slot: int, shape: tuple[int, ...]) -> Traced:
    """An array of inputs, one slot after the other."""
    size = int(np.prod(shape))
    flat: Objects = np.empty(size, dtype=object)
    for i in range(size):
        flat[i] = graph.input(name, first_slot + i)
    return flat.reshape(shape).view(Traced)


def node_of(graph: Graph, value: Any) -> Node:
    """A node from an element of a traced result."""
    if not isinstance(value, Node):
        return graph.constant(float(value))
    return graph.apply("add", value, 0.0) if value.truth else value

"""What a schedule asks of the plant room beside two water temperatures: machines, economizer, tank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from plant.forecast import Array


@dataclass(frozen=True)
class Duty:
    """Chillers asked for, leave for the economizer (1 or 0) and heat put into the tank (+ charges, kW).

    All arrays share one shape, the steps last or only. None: the plant's own controllers decide,
    and there is no tank. Two are no requests: `free` is whether the economizer is known to run (1) or not
    (0), `before` how many chillers ran before, of which as many are kept as the PLC would.
    """

    chillers: Array | None = None
    economizer: Array | None = None
    storage_kw: Array | None = None
    free: Array | None = None
    liquid_kw: Array | None = None
    """Heat that liquid loops bring to the tower water."""
    before: Array | None = None

    @property
    def plain(self) -> bool:
        """Whether it asks for nothing."""
        return self.chillers is None and self.economizer is None and self.storage_kw is None

    def left_kw(self, load_kw: Array, free_kw: Array | float) -> Array:
        """What an economizer leaves for chillers: a tank is filled by them, and spares them."""
        stored = 0.0 if self.storage_kw is None else self.storage_kw
        return np.asarray(np.maximum(load_kw - free_kw + stored, 0.0))

    def at(self, steps: ArrayLike) -> Duty:
        """Some of the steps."""
        return self._each(lambda a: np.asarray(a[..., np.asarray(steps, dtype=np.intp)]))

    def beside(self, more: int) -> Duty:
        """With ``more`` axes of length one behind, to stand beside tables that have them."""
        return self._each(lambda a: a.reshape(*a.shape, *([1] * more)))

    def with_tank(self, storage_kw: Array | None) -> Duty:
        """The same with another rate of the tank."""
        return replace(self, storage_kw=storage_kw)

    def means(self, first: ArrayLike, count: ArrayLike) -> Duty:
        """Blocks of steps: what is switched as most of the block has it, heat as its mean."""

        def mean(a: Array) -> Array:
            return np.asarray(
                np.add.reduceat(a, np.asarray(first, dtype=np.intp), axis=-1) / np.asarray(count)
            )

        return Duty(
            None if self.chillers is None else np.round(mean(self.chillers)),
            None if self.economizer is None else np.round(mean(self.economizer)),
            None if self.storage_kw is None else mean(self.storage_kw),
            None if self.free is None else np.round(mean(self.free)),
            None if self.liquid_kw is None else mean(self.liquid_kw),
            None if self.before is None else np.round(mean(self.before)),
        )

    def _each(self, change: Callable[[Array], Array]) -> Duty:
        return Duty(
            None if self.chillers is None else change(self.chillers),
            None if self.economizer is None else change(self.economizer),
            None if self.storage_kw is None else change(self.storage_kw),
            None if self.free is None else change(self.free),
            None if self.liquid_kw is None else change(self.liquid_kw),
            None if self.before is None else change(self.before),
        )


PLAIN = Duty()

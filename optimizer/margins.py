"""How much room a plan keeps under the planning limit for what it does not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.forecast import Array

_ROUNDING_K = 0.05


@dataclass(frozen=True)
class Margins:
    """Of each zone: what its law scatters by, and the share of a jump in load that is felt unanswered.

    What the law itself scatters by is kept whole. Of what comes with an unusual load only the part that
    reaches the inlets before the next plans answer it, 1 − exp(−t/τ). And whatever comes, with no answer at
    all, must still find room under the recommended limit, where the supervisor looks. Shapes (zones,).
    """

    sigmas: float
    law_k: Array
    felt: Array
    above_k: Array

    @classmethod
    def of(
        cls, sigmas: float, answers_within_s: float, law_k: Array, tau_s: Array, above_k: Array
    ) -> Margins:
        """`above_k` is how far the recommended limit lies above the planning limit."""
        felt = np.asarray(-np.expm1(-answers_within_s / tau_s))
        return cls(sigmas, law_k, felt, np.maximum(above_k - _ROUNDING_K, 0.0))

    def kept_k(self, std_k: Array, zones: slice | int = slice(None)) -> Array:
        """For a spread of the warmest inlet, zones last, or of one zone. [K]"""
        law = np.minimum(self.law_k[zones], std_k)
        other = np.sqrt(np.maximum(std_k**2 - law**2, 0.0))
        answered = self.sigmas * np.hypot(law, self.felt[zones] * other)
        return np.asarray(np.maximum(answered, self.sigmas * std_k - self.above_k[zones]))

"""Work that may wait: put off while its lever asks for it, caught up once the lever lets it.

While a lever stands above zero so much IT power is put off and the work waits; at zero the work that
waits is run within about an hour, as far as machines are free. None is lost. So what a lever buys is
the difference in price between now and the hour after it is let go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.billing import BillingMonth, DemandBill
from plant.forecast import Array

CATCH_UP_H = 1.0
"""Time in which waiting work is run, where nothing is known of the site's scheduler. [h]"""
FULL = 0.98
"""Share of the most that machines run at which they are seen to be full: meters are no better."""
_LONGEST_H = 6.0
"""No more work is made to wait than this many hours of all that the lever can put off."""
_LEVELS = 61
_CAPS, _ABOVE_CAP = 6, 20.0
"""Caps on the peak that are tried, and how many times the dearest price power above one costs."""


def caught_up_kw(waiting_kwh: Array | float, spare_kw: Array | float, hours: float) -> Array:
    """Power with which waiting work is run once its lever lets it: the law all of this house follows."""
    return np.asarray(np.minimum(waiting_kwh / max(CATCH_UP_H, hours), spare_kw))


def net_put_off_kw(put_off_kw: Array, waiting_kwh: float, spare_kw: Array, hours: float) -> Array:
    """Power put off less power caught up, by step: (…, steps). `spare_kw` (steps,) is free."""
    waiting = np.full(put_off_kw.shape[:-1], waiting_kwh)
    net = np.empty_like(put_off_kw)
    for k in range(put_off_kw.shape[-1]):
        off = put_off_kw[..., k]
        again = np.where(off > 0, 0.0, caught_up_kw(waiting, spare_kw[k], hours))
        net[..., k] = off - again
        waiting = waiting + hours * net[..., k]
    return net


def moved_before(
    put_off_kw: Array, measured_kw: Array, busiest_kw: float, hours: Array
) -> tuple[Array, float]:
    """The same of a past: put off less caught up, by step, and what still waits. [kW, kWh]

    Nobody measures what is spare. While less than `busiest_kw` is drawn, it is not what held work back; from
    there on, what is asked is taken to be what it was before, and the rest of what is drawn to be caught up.
    A step at which the lever's place is not known (NaN) is left as it was measured, and work goes on being
    caught up.
    """
    net, waiting, asked = np.zeros(len(put_off_kw)), 0.0, 0.0
    for k, (off, measured) in enumerate(zip(put_off_kw.tolist(), measured_kw.tolist(), strict=True)):
        if off > 0:
            moved = off
        else:
            spare = max(measured - asked, 0.0) if measured >= FULL * busiest_kw else np.inf
            moved = -float(caught_up_kw(waiting, spare, hours[k]))
        waiting += hours[k] * moved
        net[k] = 0.0 if off != off else moved
        asked = asked if measured != measured else measured + net[k]
    return net, float(waiting)


def best_put_off(price: Array, most_kw: float, waiting_kwh: float, spare_kw: Array, hours: float) -> Array:
    """When to put work off at a price of energy a step: power by step, shape (steps,). [kW]

    Dynamic programming over the work that waits. What waits at the end is paid at the dearest price,
    so that nothing is gained by leaving it.
    """
    steps = len(price)
    waits = np.linspace(0.0, max(most_kw * _LONGEST_H, waiting_kwh), _LEVELS)
    value = price.max() * waits
    choice = np.zeros((steps, _LEVELS), dtype=bool)
    for k in range(steps - 1, -1, -1):
        again = caught_up_kw(waits, spare_kw[k], hours)
        let_go = price[k] * hours * again + np.interp(waits - hours * again, waits, value)
        more = waits + hours * most_kw
        off = np.where(
            more <= waits[-1] + 1e-9, -price[k] * hours * most_kw + np.interp(more, waits, value), np.inf
        )
        # A tie puts nothing off.
        choice[k] = off < let_go - 1e-9
        value = np.minimum(off, let_go)
    return _followed(choice, waits, most_kw, waiting_kwh, spare_kw, hours)


@dataclass(frozen=True)
class Peak:
    """What highest quarter hours cost: the meter without a lever, and how it answers to it.

    `facility_kw` (steps,) is what is expected at the meter, `per_kw` what a kilowatt put off spares there.
    """

    facility_kw: Array
    per_kw: float
    bill: DemandBill

    def cost(self, net_kw: Array) -> float:
        """What the highest quarter hours add to the bill with so much less power a step."""
        return float(self.bill.cost(self.facility_kw - self.per_kw * net_kw))

    def caps_kw(self, month: BillingMonth, most_kw: float) -> list[float]:
        """Caps on a month's peak that a lever which puts off so much may reach, and that are worth it."""
        highest = float(month.peak_kw(self.facility_kw))
        lowest = max(highest - self.per_kw * most_kw, month.paid_kw)
        return [] if lowest >= highest else np.linspace(lowest, highest, _CAPS, endpoint=False).tolist()


def best_under_peak(
    price: Array, most_kw: float, waiting_kwh: float, spare_kw: Array, hours: float, peak: Peak
) -> Array:
    """When to put work off where the highest quarter hour is billed too: power by step. [kW]

    The peak couples all steps of a month, so a few caps on it are tried, month after month: above a cap
    power is very dear, which puts work off there and runs none there. What each course costs is then
    reckoned with the true prices.
    """

    def course(caps: Array) -> tuple[Array, float]:
        dear = price + _ABOVE_CAP * price.max() * (peak.facility_kw > caps)
        path = best_put_off(dear, most_kw, waiting_kwh, spare_kw, hours)
        net = net_put_off_kw(path, waiting_kwh, spare_kw, hours)
        left = waiting_kwh + hours * float(net.sum())
        return path, -hours * float((price * net).sum()) + float(price.max()) * left + peak.cost(net)

    kept = np.full(len(price), np.inf)
    best, least = course(kept)
    for month in peak.bill.months:
        for caps in month.capped(kept, peak.caps_kw(month, most_kw)):
            path, money = course(caps)
            if money < least - 1e-9:
                best, least, kept = path, money, caps
    return best


def _followed(
    choice: Array, waits: Array, most_kw: float, waiting_kwh: float, spare_kw: Array, hours: float
) -> Array:
    path, waiting = np.zeros(len(choice)), waiting_kwh
    for k in range(len(choice)):
        level = int(np.argmin(np.abs(waits - waiting)))
        if choice[k, level] and waiting + hours * most_kw <= waits[-1] + 1e-9:
            path[k] = most_kw
            waiting += hours * most_kw
        else:
            waiting -= hours * float(caught_up_kw(waiting, float(spare_kw[k]), hours))
    return path

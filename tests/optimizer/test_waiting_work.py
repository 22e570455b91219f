"""Work that waits, on paper."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.billing import BillingMonth, DemandBill
from optimizer.waiting import Peak, best_put_off, best_under_peak, net_put_off_kw


def one_month(paid_kw: float) -> DemandBill:
    return DemandBill(10.0, (BillingMonth("the month", slice(0, 5), paid_kw),))


def test_what_is_put_off_is_run_within_the_hour_after_and_none_is_lost() -> None:
    # 60 kW for two quarter hours: 30 kWh wait. Let go: a quarter of what waits in each quarter hour.
    off = np.array([60.0, 60.0, 0.0, 0.0, 0.0])
    net = net_put_off_kw(off, 0.0, np.full(5, 1e3), 0.25)
    assert net[:4] == pytest.approx([60.0, 60.0, -30.0, -22.5])
    long = net_put_off_kw(np.concatenate([off, np.zeros(60)]), 0.0, np.full(65, 1e3), 0.25)
    assert long.sum() == pytest.approx(0.0, abs=1e-3)


def test_catching_up_takes_no_more_than_is_free() -> None:
    net = net_put_off_kw(np.zeros(2), 40.0, np.array([10.0, 50.0]), 0.25)
    assert net == pytest.approx([-10.0, -37.5])


def test_work_waits_through_the_dear_hours_and_no_longer() -> None:
    # Hourly steps: all work that waits is run in the hour after. Prices 1 1 5 5 1 1: wait at 5.
    price = np.array([1.0, 1.0, 5.0, 5.0, 1.0, 1.0])
    path = best_put_off(price, 30.0, 0.0, np.full(6, 1e3), 1.0)
    assert path.tolist() == [0, 0, 30, 30, 0, 0]
    net = net_put_off_kw(path, 0.0, np.full(6, 1e3), 1.0)
    # Saved: 2 * 30 * 5; paid: 60 at 1.
    assert (price * net).sum() == pytest.approx(300 - 60)


def test_at_one_price_nothing_waits_and_nothing_is_left_to_the_end() -> None:
    assert best_put_off(np.full(8, 2.0), 30.0, 0.0, np.full(8, 1e3), 1.0).max() == 0.0
    rising = best_put_off(np.array([1.0, 2.0, 3.0]), 30.0, 0.0, np.full(3, 1e3), 1.0)
    assert rising.max() == 0.0


def test_it_is_the_best_of_all_ways_to_put_work_off() -> None:
    rng = np.random.default_rng(2)
    for _ in range(4):
        price, spare = rng.uniform(1, 5, 7), np.full(7, 1e3)
        found = best_put_off(price, 10.0, 0.0, spare, 1.0)
        every = np.array(np.meshgrid(*[[0.0, 10.0]] * 7)).reshape(7, -1).T
        every = every[every.sum(axis=1) <= 60.0]
        net = net_put_off_kw(every, 0.0, spare, 1.0)
        money = -(net * price).sum(axis=1) + price.max() * net.sum(axis=1)
        mine = net_put_off_kw(found, 0.0, spare, 1.0)
        assert -(mine * price).sum() + price.max() * mine.sum() == pytest.approx(money.min(), abs=1e-9)


def test_work_is_put_off_under_a_peak_that_is_billed_though_energy_costs_the_same() -> None:
    # 130 kW in one hour among 90 and 100: what is put off there is run in the hour after.
    price, spare = np.full(5, 0.1), np.array([1e3, 1e3, 1e3, 1e3, 1e3])
    meter = np.array([100.0, 130.0, 90.0, 90.0, 90.0])
    assert best_put_off(price, 20.0, 0.0, spare, 1.0).max() == 0.0
    path = best_under_peak(price, 20.0, 0.0, spare, 1.0, Peak(meter, 1.0, one_month(0.0)))
    assert path.tolist() == [0, 20, 0, 0, 0]
    # 130 becomes 110 = 90 + 20 in the hour it is caught up: 20 kW less are billed.
    net = net_put_off_kw(path, 0.0, spare, 1.0)
    assert float((meter - net).max()) == 110.0
    # A peak that was billed before is paid whatever is done now: nothing is put off for it.
    billed = Peak(meter, 1.0, one_month(150.0))
    assert best_under_peak(price, 20.0, 0.0, spare, 1.0, billed).max() == 0.0


def test_work_is_put_off_under_the_peak_of_the_month_it_would_come_in() -> None:
    # The same day twice, a month's end between them: 130 kW once in each. The first month has paid for 150.
    price, spare = np.full(10, 0.1), np.full(10, 1e3)
    meter = np.tile([100.0, 130.0, 90.0, 90.0, 90.0], 2)

    def path(first_kw: float, then_kw: float) -> list[float]:
        months = BillingMonth("old", slice(0, 5), first_kw), BillingMonth("new", slice(5, 10), then_kw)
        peak = Peak(meter, 1.0, DemandBill(10.0, months))
        return np.flatnonzero(best_under_peak(price, 20.0, 0.0, spare, 1.0, peak)).tolist()

    assert path(150.0, 0.0) == [6]
    assert path(0.0, 150.0) == [1]
    assert path(0.0, 0.0) == [1, 6]
    assert path(150.0, 150.0) == []
    # Each is 130 kW above what its month pays for in any case, if only by 0.1.
    assert path(115.0, 129.9) == [1, 6]

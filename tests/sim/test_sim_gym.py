"""The environment is one by Gymnasium's own checker, and pays for warmth."""

from __future__ import annotations

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from sim.gym import CoolingEnv  # noqa: E402


@pytest.mark.filterwarnings("error")
def test_gymnasiums_own_checker_has_nothing_to_say() -> None:
    check_env(CoolingEnv("dead-lever", days=0.02), skip_render_check=True)


def test_an_episode_ends_in_time_and_its_reward_is_the_bill() -> None:
    env = CoolingEnv("dead-lever", days=0.02)
    env.reset(seed=3)
    still = np.zeros(env.action_space.shape, np.float32)
    rewards, over, told = 0.0, False, {}
    steps = 0
    while not over:
        _, reward, _, over, told = env.step(still)
        rewards, steps = rewards + reward, steps + 1
    assert steps == 6  # 0.02 days are 5.76 periods of five minutes
    # No rack is warm as found, so the bill is energy and some water (5 % of it).
    assert -rewards == pytest.approx(told["facility_kwh"] * 0.085, rel=0.1)
    assert -rewards > told["facility_kwh"] * 0.085


def test_moving_every_lever_at_most_stays_within_each_range() -> None:
    env = CoolingEnv("dead-lever", days=1)
    env.reset(seed=1)
    for _ in range(3):
        seen, *_ = env.step(np.ones(env.action_space.shape, np.float32))
        assert env.observation_space.contains(seen)
    levers = dict(zip([lv.id for lv in env.site.levers], env._levers, strict=True))
    assert levers["zone-a.supply-air"] == pytest.approx(18 + 3 * 0.5)
    assert levers["zone-a.fan-speed"] == pytest.approx(1.0)

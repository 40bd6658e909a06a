"""A core that is away for an hour, by a clock that is turned by hand."""

import asyncio
from types import SimpleNamespace

from homeassistant.components.backup import async_get_manager
from homeassistant.components.backup.agent import BackupAgentUnreachableError
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.homestash import link

from .conftest import Setup
from .fake_core import FakeCore
from .helpers import eventually

# As they are outside of tests, which are in a hurry.
FIRST_PAUSE = link.FIRST_PAUSE
LONGEST_PAUSE = link.LONGEST_PAUSE
JITTER = 1.2

HOUR = 3600.0


class Clock:
    """Lets pauses pass at once, and counts them as time."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    @property
    def passed(self) -> float:
        return sum(self.pauses)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def get_running_loop(self) -> SimpleNamespace:
        return SimpleNamespace(time=lambda: self.passed)


async def test_core_that_is_away_for_an_hour(
    hass: HomeAssistant,
    core: FakeCore,
    setup: Setup,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(link, "asyncio", clock)
    monkeypatch.setattr(link, "FIRST_PAUSE", FIRST_PAUSE)
    monkeypatch.setattr(link, "LONGEST_PAUSE", LONGEST_PAUSE)
    await core.stop()
    await setup()
    await eventually(lambda: clock.passed > HOUR)
    assert len(clock.pauses) < 100
    assert max(clock.pauses) <= LONGEST_PAUSE * JITTER
    agent = async_get_manager(hass).backup_agents["homestash.place-1"]
    with pytest.raises(BackupAgentUnreachableError, match=core.url):
        await agent.async_list_backups()
    assert ("homestash", f"away_{entry.entry_id}") in ir.async_get(hass).issues

    await core.start()
    await eventually(lambda: entry.runtime_data.connected)
    assert await agent.async_list_backups() == []
    assert ir.async_get(hass).issues == {}

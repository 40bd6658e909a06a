"""What all tests of the integration share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from homeassistant.components.backup import AgentBackup, BackupAgent
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

# The test helpers bring a package of the same name: the first one that is imported stays.
import custom_components  # noqa: F401
from custom_components.homestash import download, link, upload
from custom_components.homestash.const import (
    CONF_INFO,
    CONF_TARGETS,
    CONF_TOKEN_ID,
    DOMAIN,
)

from .fake_core import INSTANCE_ID, TOKEN, TOKEN_ID, FakeCore
from .helpers import eventually

BACKUP: dict[str, Any] = {
    "addons": [{"name": "App", "slug": "app", "version": "1"}],
    "backup_id": "abc123ef",
    "date": "2026-11-01T01:02:03.000Z",
    "database_included": True,
    "extra_metadata": {"instance_id": "xyz", "with_automatic_settings": True},
    "folders": ["media", "share"],
    "homeassistant_included": True,
    "homeassistant_version": "2026.11.0",
    "name": "Nightly",
    "protected": False,
    "size": 1000,
}


@pytest.fixture(autouse=True)
def _custom(enable_custom_integrations: None, socket_enabled: None) -> None:
    """Let Home Assistant load the integration, and the tests use the loopback."""


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing."""
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(upload, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(upload, "RESTART_SECONDS", 1.0)
    monkeypatch.setattr(download, "RESUME_PAUSES", (0.01, 0.02, 0.03))


@pytest.fixture
async def core() -> AsyncIterator[FakeCore]:
    """Run a core that complains when the contract is broken."""
    fake = FakeCore()
    await fake.start()
    yield fake
    await fake.stop()
    assert fake.complaints == []


@pytest.fixture
def entry(core: FakeCore) -> MockConfigEntry:
    """Return an entry as the config flow makes it."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Attic",
        unique_id=INSTANCE_ID,
        data={
            CONF_URL: core.url,
            CONF_TOKEN: TOKEN,
            CONF_TOKEN_ID: TOKEN_ID,
            CONF_INFO: {n: v for n, v in core.info.items() if n != "started_at"},
            CONF_TARGETS: [
                {"id": "target1", "unique_id": "place-1", "name": "Place 1"}
            ],
        },
    )


type Setup = Callable[[], Awaitable[None]]


@pytest.fixture
async def setup(
    hass: HomeAssistant, core: FakeCore, entry: MockConfigEntry
) -> AsyncIterator[Setup]:
    """Set up Home Assistant's backups and the integration."""

    async def run() -> None:
        assert await async_setup_component(hass, "backup", {})
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()

    yield run
    if entry.entry_id in {e.entry_id for e in hass.config_entries.async_entries()}:
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


@pytest.fixture
async def connected(setup: Setup, core: FakeCore, entry: MockConfigEntry) -> None:
    """Be set up and connected."""
    await setup()
    await eventually(lambda: entry.runtime_data.connected)


@pytest.fixture
async def agent(hass: HomeAssistant, connected: None) -> BackupAgent:
    """Return the agent of the first target, as the backup manager has it."""
    from homeassistant.components.backup import async_get_manager

    return async_get_manager(hass).backup_agents[f"{DOMAIN}.place-1"]


@pytest.fixture
def backup() -> AgentBackup:
    """Return a backup."""
    return AgentBackup.from_dict(BACKUP)

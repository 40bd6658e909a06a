"""The standing connection: reauthentication, versions, diagnostics, removal."""

import logging

from aiohttp import web
from homeassistant.components.backup import BackupAgent, BackupAgentError
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.homestash import events
from custom_components.homestash.diagnostics import async_get_config_entry_diagnostics

from .conftest import Setup
from .fake_core import TOKEN, TOKEN_ID, FakeCore, make_card, make_target, problem
from .helpers import eventually


def reauth_flows(hass: HomeAssistant) -> int:
    flows = hass.config_entries.flow.async_progress()
    return sum(flow["context"]["source"] == SOURCE_REAUTH for flow in flows)


async def test_refused_token_starts_one_reauthentication(
    hass: HomeAssistant, core: FakeCore, setup: Setup
) -> None:
    core.tokens = {}
    await setup()
    await eventually(lambda: core.count("GET", "/events") > 2)
    assert reauth_flows(hass) == 1


async def test_agent_that_is_refused_starts_the_reauthentication(
    hass: HomeAssistant, core: FakeCore, agent: BackupAgent
) -> None:
    core.tokens = {}
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_list_backups()
    assert caught.value.translation_key == "unauthorized"
    await hass.async_block_till_done()
    assert reauth_flows(hass) == 1


@pytest.mark.parametrize(
    ("versions", "key"),
    [
        ({"api_version": 9, "min_api_version": 9}, "integration_too_old"),
        ({"api_version": 0, "min_api_version": 0}, "core_too_old"),
    ],
)
async def test_version_mismatch(
    hass: HomeAssistant,
    core: FakeCore,
    agent: BackupAgent,
    entry: MockConfigEntry,
    versions: dict[str, int],
    key: str,
) -> None:
    fits = dict(core.info)
    core.info |= {**versions, "version": "9.9.9"}
    core.hang_up()
    issues = ir.async_get(hass).issues
    issue_id = ("homestash", f"version_{entry.entry_id}")
    await eventually(lambda: issue_id in issues)
    issue = issues[issue_id]
    assert issue.translation_key == key
    assert issue.translation_placeholders == {
        "name": "Attic",
        "core_version": "9.9.9",
        "integration_version": "0.1.0",
    }
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_list_backups()
    assert caught.value.translation_key == key
    core.info = fits
    core.hang_up()
    await eventually(lambda: issue_id not in issues)
    await eventually(lambda: entry.runtime_data.connected)
    assert await agent.async_list_backups() == []


async def test_long_absence_is_noticed_and_its_end_too(
    hass: HomeAssistant,
    core: FakeCore,
    setup: Setup,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from custom_components.homestash import link

    monkeypatch.setattr(link, "AWAY_SECONDS", 0.05)
    await setup()
    nowhere = {**entry.data, "url": "http://127.0.0.1:9"}
    hass.config_entries.async_update_entry(entry, data=nowhere)
    await hass.config_entries.async_reload(entry.entry_id)
    issues = ir.async_get(hass).issues
    issue_id = ("homestash", f"away_{entry.entry_id}")
    await eventually(lambda: issue_id in issues)
    assert issues[issue_id].translation_placeholders == {
        "name": "Attic",
        "url": "http://127.0.0.1:9",
    }
    there = {**entry.data, "url": core.url}
    hass.config_entries.async_update_entry(entry, data=there)
    await hass.config_entries.async_reload(entry.entry_id)
    await eventually(lambda: entry.runtime_data.connected)
    assert issue_id not in issues


async def test_short_absence_is_not_worth_a_notice(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    await setup()
    nowhere = {**entry.data, "url": "http://127.0.0.1:9"}
    hass.config_entries.async_update_entry(entry, data=nowhere)
    await hass.config_entries.async_reload(entry.entry_id)
    await eventually(lambda: entry.runtime_data.last_error is not None)
    assert ir.async_get(hass).issues == {}


async def test_newer_core_that_still_serves_us_is_fine(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    core.info |= {"api_version": 2, "min_api_version": 1, "version": "0.2.0"}
    await setup()
    await eventually(lambda: entry.runtime_data.connected)
    assert ir.async_get(hass).issues == {}
    assert entry.data["info"]["version"] == "0.2.0"
    assert "started_at" not in entry.data["info"]


async def test_another_core_does_not_replace_the_targets(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    core.info["instance_id"] = "another"
    core.targets = []
    await setup()
    await eventually(lambda: entry.runtime_data.last_error is not None)
    assert entry.runtime_data.last_error.key == "core_other"
    assert len(entry.data["targets"]) == 1


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"data: nonsense\n\n", "core_not_understood"),
        (b"data: []\n\n", "core_not_understood"),
        (b"x" * 200, "core_not_understood"),
    ],
)
async def test_events_that_are_none(
    core: FakeCore,
    setup: Setup,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    key: str,
) -> None:
    monkeypatch.setattr(events, "MAX_LINE_BYTES", 100)
    caplog.set_level(logging.INFO)
    core.once("GET events", web.Response(body=body))
    await setup()
    await eventually(lambda: entry.runtime_data.connected)
    assert f"Attic is not connected: {key}" in caplog.text
    assert "Attic is connected again" in caplog.text


async def test_silent_core_is_left(
    core: FakeCore,
    setup: Setup,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from custom_components.homestash import client

    monkeypatch.setattr(client, "EVENTS_HEARTBEAT_SECONDS", 0.02)
    await setup()
    await eventually(lambda: core.count("GET", "/events") > 3)


async def test_loss_is_logged_once(
    core: FakeCore,
    connected: None,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    core.always("GET events", lambda: problem("internal", 500))
    core.hang_up()
    await eventually(lambda: core.count("GET", "/events") > 4)
    assert caplog.text.count("is not connected") == 1


async def test_strange_targets_change_nothing(
    core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.targets = [{"id": 5}]
    core.emit({"event": "targets_changed"})
    await eventually(lambda: entry.runtime_data.last_error is not None)
    assert len(entry.data["targets"]) == 1
    core.targets = [make_target(1)]
    await eventually(lambda: entry.runtime_data.connected)


async def test_diagnostics_tell_what_the_store_does_and_keep_secrets(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    result = await async_get_config_entry_diagnostics(hass, entry)
    text = str(result)
    assert TOKEN not in text
    assert TOKEN_ID not in text
    for private in ("AKIA", "user-of-the-proxy", "arn-of-the-key"):
        assert private not in text
    assert result["connected"] is True
    assert result["shown"] == ["target1"]
    assert result["entry"]["url"] == core.url
    assert result["targets"][0]["settings"]["bucket"] == "bucket"
    assert result["targets"][0]["capabilities"] == make_card()
    await core.stop()
    result = await async_get_config_entry_diagnostics(hass, entry)
    assert result["targets"] == {"error": "core_unreachable"}


async def test_unload_ends_the_connection(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    assert core.listeners == 1
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    await eventually(lambda: core.listeners == 0)
    assert core.tokens == {TOKEN: TOKEN_ID}


async def test_removal_gives_the_access_back_and_deletes_nothing(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert core.tokens == {}
    assert [path for method, path in core.requests if method == "DELETE"] == [
        f"/api/v1/tokens/{TOKEN_ID}"
    ]


async def test_removal_while_the_core_is_away(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    await core.stop()
    await hass.config_entries.async_remove(entry.entry_id)
    assert hass.config_entries.async_entries("homestash") == []

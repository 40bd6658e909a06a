"""Locations: which there are, what they list, and how their failures read."""

import asyncio
import logging

from aiohttp import web
from homeassistant.components.backup import (
    BackupAgent,
    BackupAgentError,
    BackupNotFound,
    async_get_manager,
)
from homeassistant.components.backup.agent import BackupAgentUnreachableError
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.homestash import client as client_module
from custom_components.homestash.backup import async_register_backup_agents_listener
from custom_components.homestash.contract import PROBLEM_KINDS
from custom_components.homestash.link import notify_backup_listeners

from .conftest import BACKUP, Setup
from .fake_core import FakeCore, make_target, problem
from .helpers import eventually


def agents(hass: HomeAssistant) -> dict[str, str]:
    manager = async_get_manager(hass)
    return {
        agent_id: agent.name
        for agent_id, agent in manager.backup_agents.items()
        if agent_id.startswith("homestash.")
    }


async def hang(_request: web.Request) -> None:
    await asyncio.sleep(1)


async def test_agents_exist_while_the_core_is_away(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    await core.stop()
    await setup()
    assert entry.state is ConfigEntryState.LOADED
    assert agents(hass) == {"homestash.place-1": "Place 1"}
    agent = async_get_manager(hass).backup_agents["homestash.place-1"]
    with pytest.raises(BackupAgentUnreachableError, match=core.url):
        await agent.async_list_backups()
    with pytest.raises(BackupAgentUnreachableError):
        await agent.async_get_backup("abc123ef")
    with pytest.raises(BackupAgentUnreachableError):
        await agent.async_delete_backup("abc123ef")
    with pytest.raises(BackupAgentUnreachableError):
        await agent.async_download_backup("abc123ef")
    await core.start()
    await eventually(lambda: entry.runtime_data.connected)
    assert await agent.async_list_backups() == []


async def test_targets_come_and_go(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.targets.append(make_target(2))
    core.emit({"event": "targets_changed"})
    await eventually(lambda: len(agents(hass)) == 2)
    core.targets = [make_target(2, name="Renamed")]
    core.emit({"event": "backups_changed", "target_id": "target2"})
    core.emit({"event": "targets_changed"})
    await eventually(lambda: agents(hass) == {"homestash.place-2": "Renamed"})
    assert entry.data["targets"] == [
        {"id": "target2", "unique_id": "place-2", "name": "Renamed"}
    ]


async def test_targets_that_changed_meanwhile_are_seen_after_a_restart(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.targets.append(make_target(2))
    core.emit({"event": "goodbye"})
    await eventually(lambda: len(agents(hass)) == 2)
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert agents(hass) == {}
    await eventually(lambda: core.listeners == 0)


async def test_list_leaves_out_what_it_cannot_read(
    core: FakeCore, agent: BackupAgent, caplog: pytest.LogCaptureFixture
) -> None:
    core.put("target1", BACKUP, b"x" * 10)
    core.put(
        "target1",
        {**BACKUP, "backup_id": "newer", "folders": ["share", "moon"], "extra": 1}
        | {"addons": [{"name": "A", "slug": "a", "version": "1", "new": True}]},
        b"y",
    )
    core.put("target1", {"backup_id": "strange"}, b"z")
    core.put("target1", {**BACKUP, "backup_id": "odd", "addons": ["?"]}, b"z")
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        backups = {b.backup_id: b for b in await agent.async_list_backups()}
        assert set(backups) == {"abc123ef", "newer"}
    assert backups["abc123ef"].size == 10
    assert backups["newer"].folders == ["share"]
    assert backups["newer"].addons[0].slug == "a"
    assert caplog.text.count("is left out") == 2
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_get_backup("strange")
    assert caught.value.translation_key == "core_not_understood"


async def test_get_and_delete(core: FakeCore, agent: BackupAgent) -> None:
    core.put("target1", BACKUP, b"x")
    assert (await agent.async_get_backup("abc123ef")).name == "Nightly"
    await agent.async_delete_backup("abc123ef")
    for call in (
        agent.async_get_backup,
        agent.async_delete_backup,
        agent.async_download_backup,
    ):
        with pytest.raises(BackupNotFound) as caught:
            await call("abc123ef")
        assert caught.value.translation_key == "backup_not_found"


@pytest.mark.parametrize("code", PROBLEM_KINDS)
async def test_every_problem_reads_well(
    hass: HomeAssistant, core: FakeCore, agent: BackupAgent, code: str
) -> None:
    core.once("GET backups", problem(code, 500))
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_list_backups()
    error = caught.value
    assert error.translation_domain == "homestash"
    assert error.translation_key == code
    assert set(error.translation_placeholders.values()) <= {"?"}
    text = str(error)
    assert "{" not in text
    assert len(text) > 40
    kind = {"not_found": BackupNotFound, "unreachable": BackupAgentUnreachableError}
    assert isinstance(error, kind.get(PROBLEM_KINDS[code], BackupAgentError))


async def test_problem_of_a_newer_core(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET backups", problem("moon_phase", 500))
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_list_backups()
    assert str(caught.value) == "Title of moon_phase. Hint of moon_phase."


async def test_problem_with_values(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET backups", problem("target_dns", 503, host="s3.example", more="x"))
    with pytest.raises(BackupAgentUnreachableError, match=r"s3\.example") as caught:
        await agent.async_list_backups()
    assert caught.value.translation_placeholders == {"host": "s3.example"}


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (web.Response(text="<html>", content_type="text/html"), "core_not_understood"),
        (web.Response(status=502, text="Bad Gateway"), "core_unreachable"),
        (web.Response(status=404, text="nginx"), "core_not_understood"),
        (web.Response(status=302, headers={"Location": "/"}), "core_not_understood"),
        (web.json_response({"code": 5}, status=500), "core_not_understood"),
        (web.json_response({"backups": {}}), "core_not_understood"),
        (web.Response(body=b"\xff\xfe"), "core_not_understood"),
    ],
)
async def test_answers_that_are_not_from_a_core(
    core: FakeCore, agent: BackupAgent, answer: web.Response, key: str
) -> None:
    core.once("GET backups", answer)
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_list_backups()
    assert caught.value.translation_key == key


async def test_answer_without_an_end(
    core: FakeCore, agent: BackupAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_JSON_BYTES", 100)
    core.once("GET backups", web.Response(text="1" * 1000))
    with pytest.raises(BackupAgentError) as caught:
        await agent.async_list_backups()
    assert caught.value.translation_key == "core_not_understood"


async def test_slow_list_does_not_hold_up_the_page(
    core: FakeCore, agent: BackupAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.05)
    core.once("GET backups", hang)
    with pytest.raises(BackupAgentUnreachableError):
        await agent.async_list_backups()


async def test_core_that_hangs_is_noticed_before_its_list_is_asked_for(
    core: FakeCore, agent: BackupAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PING_SECONDS", 0.05)
    core.once("GET ping", hang)
    for _ in range(3):
        with pytest.raises(BackupAgentUnreachableError):
            await agent.async_list_backups()
    # Home Assistant asks several times, and waits once.
    assert core.count("GET", "/ping") == 1
    assert core.count("GET", "/backups") == 0


async def test_core_that_hung_is_asked_again(
    core: FakeCore, agent: BackupAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PING_SECONDS", 0.05)
    monkeypatch.setattr(client_module, "SILENT_SECONDS", 0.0)
    core.once("GET ping", hang)
    with pytest.raises(BackupAgentUnreachableError):
        await agent.async_list_backups()
    assert await agent.async_list_backups() == []


async def test_manager_sees_the_backups(
    hass: HomeAssistant, core: FakeCore, agent: BackupAgent
) -> None:
    core.put("target1", BACKUP, b"x")
    backups, errors = await async_get_manager(hass).async_get_backups()
    assert errors == {}
    assert list(backups["abc123ef"].agents) == ["homestash.place-1"]


async def test_listener_that_hears_no_more(hass: HomeAssistant) -> None:
    heard: list[int] = []
    remove = async_register_backup_agents_listener(
        hass, listener=lambda: heard.append(1)
    )
    notify_backup_listeners(hass)
    remove()
    notify_backup_listeners(hass)
    assert heard == [1]

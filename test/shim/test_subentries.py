"""Targets as subentries: mirrored, hidden, added and changed in Home Assistant."""

from types import MappingProxyType
from typing import Any

from homeassistant.components.backup import async_get_manager
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .conftest import Setup
from .fake_core import TOKEN, FakeCore, make_target, problem
from .helpers import eventually

B2 = {
    "name": "Cloud",
    "endpoint": "https://s3.{region}.backblazeb2.com",
    "region": " eu-central-003 ",
    "bucket": "home",
    "folder": "homeassistant/backups",
    "access_key": "key",
    "secret_key": "secret",
    "advanced": {"path_style": "auto", "parallel_parts": 2},
}


def subentry(entry: MockConfigEntry, unique_id: str) -> ConfigSubentry | None:
    found = [s for s in entry.subentries.values() if s.unique_id == unique_id]
    return found[0] if found else None


def shown(entry: MockConfigEntry) -> dict[str | None, str]:
    return {s.unique_id: s.title for s in entry.subentries.values()}


def agents(hass: HomeAssistant) -> dict[str, str]:
    found = async_get_manager(hass).backup_agents.values()
    return {a.unique_id: a.name for a in found if a.domain == "homestash"}


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "target"), context={"source": SOURCE_USER}
    )


async def change(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    target = subentry(entry, "place-1")
    assert target is not None
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "target"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": target.subentry_id},
    )


async def submit(
    hass: HomeAssistant, step: dict[str, Any], entered: dict[str, Any]
) -> dict[str, Any]:
    return await hass.config_entries.subentries.async_configure(
        step["flow_id"], entered
    )


async def hide(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    target = subentry(entry, "place-1")
    assert target is not None
    hass.config_entries.async_remove_subentry(entry, target.subentry_id)
    await hass.async_block_till_done()


def suggested(step: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in step["data_schema"].schema.items():
        if str(key) == "advanced":
            found["advanced"] = suggested({"data_schema": value.schema})
        elif key.description:
            found[str(key)] = key.description["suggested_value"]
    return found


async def test_entry_from_before_gets_a_subentry_for_each_target(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    core.tokens = {}
    await setup()
    assert (entry.version, entry.minor_version) == (1, 2)
    target = subentry(entry, "place-1")
    assert target is not None
    assert (target.subentry_type, target.title) == ("target", "Place 1")
    assert target.data == {"id": "target1", "name": "Place 1"}
    assert agents(hass) == {"place-1": "Place 1"}


async def test_entry_of_a_version_to_come_is_left_alone(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, version=2)
    assert not await hass.config_entries.async_setup(entry.entry_id)


async def test_what_the_core_does_appears(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.targets = [make_target(1, name="Attic"), make_target(2)]
    core.emit({"event": "targets_changed"})
    wanted = {"place-1": "Attic", "place-2": "Place 2"}
    await eventually(lambda: shown(entry) == wanted)
    await eventually(lambda: agents(hass) == wanted)
    core.targets = [make_target(2, id="another")]
    core.emit({"event": "targets_changed"})
    await eventually(lambda: agents(hass) == {"place-2": "Place 2"})
    target = subentry(entry, "place-2")
    assert target is not None
    assert target.data["id"] == "another"


async def test_what_is_removed_here_is_hidden_and_can_be_shown_again(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    await hide(hass, entry)
    await eventually(lambda: agents(hass) == {})
    core.targets.append(make_target(2))
    core.emit({"event": "targets_changed"})
    await eventually(lambda: agents(hass) == {"place-2": "Place 2"})
    assert await hass.config_entries.async_reload(entry.entry_id)
    await eventually(lambda: entry.runtime_data.connected)
    assert shown(entry) == {"place-2": "Place 2"}
    assert [method for method, _ in core.requests if method == "DELETE"] == []

    step = await begin(hass, entry)
    assert (step["type"], step["menu_options"]) == (
        FlowResultType.MENU,
        ["provider", "show"],
    )
    step = await submit(hass, step, {"next_step_id": "show"})
    done = await submit(hass, step, {"target": "place-1"})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await eventually(
        lambda: agents(hass) == {"place-1": "Place 1", "place-2": "Place 2"}
    )
    core.emit({"event": "targets_changed"})
    assert (await begin(hass, entry))["step_id"] == "provider"


async def test_hidden_target_that_is_gone_comes_back_as_a_new_one(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    await hide(hass, entry)
    core.targets = []
    core.emit({"event": "targets_changed"})
    await eventually(lambda: entry.data["targets"] == [])
    core.targets = [make_target(1)]
    core.emit({"event": "targets_changed"})
    await eventually(lambda: shown(entry) == {"place-1": "Place 1"})


async def add_b2(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    step = await begin(hass, entry)
    step = await submit(hass, step, {"provider": "b2"})
    assert (step["step_id"], step["errors"]) == ("s3", {})
    assert step["description_placeholders"]["location"] == "Backblaze B2"
    return await submit(hass, step, B2)


async def test_target_is_added_from_a_preset_and_used_automatically(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    config = async_get_manager(hass).config
    config.update(
        automatic_backups_configured=True,
        create_backup={"agent_ids": ["backup.local"], "password": "KEY"},
    )
    step = await begin(hass, entry)
    step = await submit(hass, step, {"provider": "b2"})
    assert suggested(step) == {
        "name": "Backblaze B2",
        "endpoint": "https://s3.{region}.backblazeb2.com",
        "folder": "homeassistant/backups",
        "advanced": {
            "path_style": "auto",
            "encryption": "off",
            "delete_versions": False,
            "upload_limit_mbit": 0,
            "download_limit_mbit": 0,
            "parallel_parts": 0,
        },
    }
    step = await submit(hass, step, B2)
    assert step["step_id"] == "automatic"
    assert step["description_placeholders"]["name"] == "Cloud"
    wanted = core.wanted[-1]
    assert wanted["name"] == "Cloud"
    assert (
        wanted["settings"].items()
        >= {
            "kind": "s3",
            "endpoint": "https://s3.eu-central-003.backblazeb2.com",
            "region": "",
            "bucket": "home",
            "secret_key": "secret",
            "storage_class": "",
            "encryption": "off",
            "delete_versions": False,
            "parallel_parts": 2,
        }.items()
    )
    # Secrets that were left out are not sent.
    assert "customer_key" not in wanted["settings"]
    done = await submit(hass, step, {"automatic": True})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["title"] == "Cloud"
    assert shown(entry) == {"place-1": "Place 1", "place-2": "Cloud"}
    chosen = config.data.create_backup
    assert chosen.agent_ids == ["backup.local", "homestash.place-2"]
    assert chosen.password == "KEY"
    await eventually(lambda: agents(hass) == {"place-1": "Place 1", "place-2": "Cloud"})
    target = subentry(entry, "place-2")
    assert target is not None
    assert target.data == {"id": "target2", "name": "Cloud"}
    assert "secret" not in str(entry.as_dict())


async def test_automatic_use_can_be_declined(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    config = async_get_manager(hass).config
    config.update(automatic_backups_configured=True)
    step = await add_b2(hass, entry)
    done = await submit(hass, step, {"automatic": False})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert config.data.create_backup.agent_ids == []


async def test_without_automatic_backups_it_is_said_what_to_do(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    step = await add_b2(hass, entry)
    assert step["step_id"] == "by_hand"
    assert step["description_placeholders"]["backups_url"] == "/config/backup"
    done = await submit(hass, step, {})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_folder_is_added_also_where_the_event_is_quicker(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    step = await submit(hass, await begin(hass, entry), {"provider": "folder"})
    assert step["step_id"] == "folder"
    step = await submit(hass, step, {"name": "Disk", "path": "/media/disk"})
    assert core.wanted == [
        {"name": "Disk", "settings": {"kind": "folder", "path": "/media/disk"}}
    ]
    await eventually(lambda: "place-2" in shown(entry))
    done = await submit(hass, step, {})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert shown(entry) == {"place-1": "Place 1", "place-2": "Disk"}


async def test_refusal_of_the_core_is_told_and_what_was_entered_stays(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.once("POST targets", problem("target_wrong_key", 422))
    step = await add_b2(hass, entry)
    assert (step["step_id"], step["errors"]) == ("s3", {"base": "core_problem"})
    placeholders = step["description_placeholders"]
    assert placeholders["title"] == "Title of target_wrong_key."
    assert placeholders["hint"] == "Hint of target_wrong_key."
    assert suggested(step) == B2
    await core.stop()
    step = await submit(hass, step, B2)
    assert step["errors"] == {"base": "core_unreachable"}
    assert step["description_placeholders"]["url"] == core.url
    await core.start()
    step = await submit(hass, step, B2)
    assert step["step_id"] == "by_hand"


async def test_target_is_changed_and_secrets_that_are_left_out_stay(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    step = await change(hass, entry)
    values = suggested(step)
    assert values["bucket"] == "bucket"
    assert values["advanced"]["proxy_user"] == "user-of-the-proxy"
    assert "secret_key" not in values
    del values["advanced"]["proxy_user"]
    core.once("PATCH target1", problem("target_wrong_secret", 422))
    step = await submit(hass, step, values | {"secret_key": "wrong"})
    assert step["errors"] == {"base": "core_problem"}
    assert suggested(step)["secret_key"] == "wrong"
    done = await submit(hass, step, values | {"name": "Renamed"})
    assert (done["type"], done["reason"]) == (
        FlowResultType.ABORT,
        "reconfigure_successful",
    )
    settings = core.wanted[-1]["settings"]
    assert "secret_key" not in settings
    assert settings["proxy_user"] == ""
    assert shown(entry) == {"place-1": "Renamed"}
    await eventually(lambda: agents(hass) == {"place-1": "Renamed"})


async def test_forms_need_a_core_that_answers(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.once("GET target1", problem("target_not_found", 404))
    done = await change(hass, entry)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "core_problem")
    await core.stop()
    done = await begin(hass, entry)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "core_unreachable")
    await hass.config_entries.async_unload(entry.entry_id)
    for done in (await begin(hass, entry), await change(hass, entry)):
        assert done["reason"] == "entry_not_loaded"


async def test_name_that_is_given_here_goes_to_the_core(
    hass: HomeAssistant,
    core: FakeCore,
    connected: None,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = subentry(entry, "place-1")
    assert target is not None
    hass.config_entries.async_update_subentry(entry, target, title="Cellar")
    await eventually(lambda: core.targets[0]["name"] == "Cellar")
    assert core.wanted == [{"name": "Cellar"}]
    await eventually(lambda: agents(hass) == {"place-1": "Cellar"})
    core.once("PATCH target1", problem("internal", 500))
    hass.config_entries.async_update_subentry(entry, target, title="Roof")
    await eventually(lambda: "Roof cannot be renamed" in caplog.text)
    core.emit({"event": "targets_changed"})
    await eventually(lambda: shown(entry) == {"place-1": "Cellar"})


async def test_other_entries_are_none_of_its_business(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    other = MockConfigEntry(domain="homestash", unique_id="another", data={})
    other.add_to_hass(hass)
    foreign = ConfigSubentry(
        data=MappingProxyType({"id": "x", "name": "x"}),
        subentry_type="target",
        title="another name",
        unique_id="x",
    )
    hass.config_entries.async_add_subentry(other, foreign)
    await hass.async_block_till_done()
    assert core.wanted == []
    assert TOKEN in core.tokens

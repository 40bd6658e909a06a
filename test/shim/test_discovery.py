"""Cores that are found: through the Supervisor, and at a broker."""

from dataclasses import replace
import json
from typing import Any

from homeassistant.config_entries import (
    SOURCE_HASSIO,
    SOURCE_IGNORE,
    SOURCE_MQTT,
    SOURCE_USER,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.homestash.const import DOMAIN

from .conftest import Setup
from .fake_core import INSTANCE_ID, SECRET, TOKEN, TOKEN_ID, FakeCore, problem
from .helpers import eventually

ANNOUNCED = {"token": "announced-token", "token_id": "announcedid"}


@pytest.fixture
def message(core: FakeCore) -> HassioServiceInfo:
    """Return what the Supervisor tells of the core, whose token is good."""
    core.tokens[ANNOUNCED["token"]] = ANNOUNCED["token_id"]
    config = {
        "host": "127.0.0.1",
        "port": core.port,
        **ANNOUNCED,
        "instance_id": INSTANCE_ID,
        "name": "Attic",
        "api_version": 1,
        "posted": "2026-11-01T00:00:00.000Z",
        "addon": "Homestash",
    }
    return HassioServiceInfo(config, "Homestash", "local_homestash", "12345")


@pytest.fixture
def announcement(core: FakeCore) -> MqttServiceInfo:
    """Return what a core announces at a broker."""
    payload = {"url": core.url, "instance_id": INSTANCE_ID, "name": "Attic"}
    return MqttServiceInfo(
        topic=f"homestash/{INSTANCE_ID}/discovery",
        payload=json.dumps(payload | {"version": "0.1.0", "api_version": 1}),
        qos=0,
        retain=True,
        subscribed_topic="homestash/+/discovery",
        timestamp=0,
    )


def changed(message: HassioServiceInfo, **changes: Any) -> HassioServiceInfo:
    return replace(message, config=message.config | changes)


async def hear(hass: HomeAssistant, found: Any) -> dict[str, Any]:
    source = SOURCE_HASSIO if isinstance(found, HassioServiceInfo) else SOURCE_MQTT
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": source}, data=found
    )


async def submit(hass: HomeAssistant, flow_id: str, **entered: str) -> dict[str, Any]:
    return await hass.config_entries.flow.async_configure(flow_id, entered)


async def unload(hass: HomeAssistant) -> None:
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


async def test_app_is_connected_with_one_click(
    hass: HomeAssistant, core: FakeCore, message: HassioServiceInfo
) -> None:
    step = await hear(hass, message)
    assert (step["type"], step["step_id"]) == (FlowResultType.FORM, "hassio_confirm")
    assert step["description_placeholders"]["name"] == "Attic"
    # The core tells anew while the access was not used: nobody has agreed yet.
    assert core.requests == []
    done = await submit(hass, step["flow_id"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["title"] == "Attic"
    assert done["result"].unique_id == INSTANCE_ID
    assert done["data"].items() >= ({"url": core.url} | ANNOUNCED).items()
    await eventually(lambda: done["result"].runtime_data.connected)
    await unload(hass)


async def test_app_that_is_away_is_tried_again(
    hass: HomeAssistant, core: FakeCore, message: HassioServiceInfo
) -> None:
    step = await hear(hass, message)
    await core.stop()
    step = await submit(hass, step["flow_id"])
    assert step["errors"] == {"base": "cannot_connect"}
    await core.start()
    done = await submit(hass, step["flow_id"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await unload(hass)


async def test_announced_access_that_was_revoked_meanwhile(
    hass: HomeAssistant, core: FakeCore, message: HassioServiceInfo
) -> None:
    step = await hear(hass, message)
    again = await hear(hass, changed(message, posted="2026-11-01T00:01:00.000Z"))
    assert again["reason"] == "already_in_progress"
    del core.tokens[ANNOUNCED["token"]]
    done = await submit(hass, step["flow_id"])
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "access_refused")
    assert done["description_placeholders"]["name"] == "Attic"


async def test_another_core_than_the_one_that_was_announced(
    hass: HomeAssistant, core: FakeCore, message: HassioServiceInfo
) -> None:
    step = await hear(hass, message)
    core.info["instance_id"] = "another"
    done = await submit(hass, step["flow_id"])
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "wrong_instance")


async def test_new_access_renews_the_entry_once_it_has_worked(
    hass: HomeAssistant,
    core: FakeCore,
    message: HassioServiceInfo,
    connected: None,
    entry: MockConfigEntry,
) -> None:
    refused = await hear(hass, changed(message, token="no-token"))
    assert (refused["type"], refused["reason"]) == (
        FlowResultType.ABORT,
        "unauthorized",
    )
    assert entry.data["token"] == TOKEN
    done = await hear(hass, message)
    assert done["reason"] == "already_configured"
    assert entry.data.items() >= ({"url": core.url} | ANNOUNCED).items()
    # What it has had so far is given back.
    await eventually(lambda: core.tokens == {"announced-token": "announcedid"})
    await hass.async_block_till_done()
    await eventually(lambda: entry.runtime_data.connected)
    asked = len(core.requests)
    known = await hear(hass, message)
    assert known["reason"] == "already_configured"
    assert len(core.requests) == asked


async def test_new_access_ends_a_reauthentication(
    hass: HomeAssistant,
    core: FakeCore,
    message: HassioServiceInfo,
    setup: Setup,
    entry: MockConfigEntry,
) -> None:
    del core.tokens[TOKEN]
    await setup()
    await eventually(hass.config_entries.flow.async_progress)
    await hear(hass, message)
    await hass.async_block_till_done()
    await eventually(lambda: entry.runtime_data.connected)
    assert hass.config_entries.flow.async_progress() == []


async def test_entry_is_no_prey_of_another_core(
    hass: HomeAssistant,
    core: FakeCore,
    message: HassioServiceInfo,
    connected: None,
    entry: MockConfigEntry,
) -> None:
    core.info["instance_id"] = "another"
    done = await hear(hass, message)
    assert done["reason"] == "wrong_instance"
    assert entry.data["token"] == TOKEN


async def test_core_that_was_ignored_stays_so_until_somebody_enters_a_code(
    hass: HomeAssistant, core: FakeCore, message: HassioServiceInfo
) -> None:
    ignored = MockConfigEntry(
        domain=DOMAIN, unique_id=INSTANCE_ID, source=SOURCE_IGNORE, data={}
    )
    ignored.add_to_hass(hass)
    done = await hear(hass, message)
    assert done["reason"] == "already_configured"
    assert core.requests == []
    form = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    done = await submit(hass, form["flow_id"], pairing_code=core.code)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await unload(hass)


async def test_code_counts_more_than_a_discovery_that_waits(
    hass: HomeAssistant, core: FakeCore, message: HassioServiceInfo
) -> None:
    await hear(hass, message)
    form = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    done = await submit(hass, form["flow_id"], pairing_code=core.code)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert hass.config_entries.flow.async_progress() == []
    await unload(hass)


async def test_announcement_asks_for_the_code(
    hass: HomeAssistant, core: FakeCore, announcement: MqttServiceInfo
) -> None:
    step = await hear(hass, announcement)
    assert (step["type"], step["step_id"]) == (FlowResultType.FORM, "mqtt_confirm")
    assert step["description_placeholders"]["name"] == "Attic"
    assert core.requests == []
    step = await submit(hass, step["flow_id"], pairing_code="nonsense", url=core.url)
    assert step["errors"] == {"pairing_code": "code_unreadable"}
    done = await submit(hass, step["flow_id"], pairing_code=core.code, url=core.url)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["result"].unique_id == INSTANCE_ID
    await unload(hass)


async def test_code_of_another_core_than_the_announced_one(
    hass: HomeAssistant, core: FakeCore, announcement: MqttServiceInfo
) -> None:
    step = await hear(hass, announcement)
    core.info["instance_id"] = "another"
    done = await submit(hass, step["flow_id"], pairing_code=core.code)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "wrong_instance")
    # No access is left behind.
    assert core.tokens == {TOKEN: TOKEN_ID}


@pytest.mark.parametrize("payload", ["", "no json", "[]", "{}", '{"url": 5}'])
async def test_announcements_that_cannot_be_read(
    hass: HomeAssistant, announcement: MqttServiceInfo, payload: str
) -> None:
    done = await hear(hass, replace(announcement, payload=payload))
    assert done["reason"] == "discovery_unreadable"


@pytest.mark.parametrize("changes", [{"port": "x"}, {"token": None}, {"port": -1}])
async def test_messages_that_cannot_be_read(
    hass: HomeAssistant, message: HassioServiceInfo, changes: dict[str, Any]
) -> None:
    done = await hear(hass, changed(message, **changes))
    assert done["reason"] == "discovery_unreadable"


def elsewhere(announcement: MqttServiceInfo, url: str) -> MqttServiceInfo:
    payload = json.loads(announcement.payload) | {"url": url}
    return replace(announcement, payload=json.dumps(payload))


async def test_access_goes_to_no_announced_address_while_the_core_answers(
    hass: HomeAssistant,
    core: FakeCore,
    announcement: MqttServiceInfo,
    connected: None,
    entry: MockConfigEntry,
) -> None:
    for url in (core.url, f"http://localhost:{core.port}"):
        asked = len(core.requests)
        done = await hear(hass, elsewhere(announcement, url))
        assert done["reason"] == "already_configured"
        assert len(core.requests) == asked
    assert entry.data["url"] == core.url


async def test_core_that_has_moved_is_found_at_its_new_address(
    hass: HomeAssistant,
    core: FakeCore,
    announcement: MqttServiceInfo,
    setup: Setup,
    entry: MockConfigEntry,
) -> None:
    await setup()
    nowhere = {**entry.data, "url": "http://127.0.0.1:9"}
    hass.config_entries.async_update_entry(entry, data=nowhere)
    await hass.config_entries.async_reload(entry.entry_id)
    refused = await hear(hass, elsewhere(announcement, "http://127.0.0.1:10"))
    assert refused["reason"] == "cannot_connect"
    assert refused["description_placeholders"]["url"] == "http://127.0.0.1:10"
    core.once("GET info", problem("unauthorized", 401))
    refused = await hear(hass, announcement)
    assert refused["reason"] == "unauthorized"
    assert entry.data["url"] == "http://127.0.0.1:9"
    done = await hear(hass, announcement)
    assert done["reason"] == "already_configured"
    assert entry.data["url"] == core.url
    await hass.async_block_till_done()
    await eventually(lambda: entry.runtime_data.connected)
    assert core.tokens == {TOKEN: TOKEN_ID}
    assert SECRET in core.secrets

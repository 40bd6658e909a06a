"""Connecting, connecting again, moving: every branch of the forms."""

import base64
import json
from typing import Any

from aiohttp import web
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.homestash.const import DOMAIN
from custom_components.homestash.pairing import (
    InputError,
    read_pairing_code,
    read_url,
)

from .conftest import Setup
from .fake_core import INSTANCE_ID, SECRET, TOKEN, TOKEN_ID, FakeCore, problem
from .helpers import eventually


def code_of(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode()


async def submit(hass: HomeAssistant, flow_id: str, **entered: str) -> dict[str, Any]:
    return await hass.config_entries.flow.async_configure(flow_id, entered)


async def begin(hass: HomeAssistant) -> str:
    result = await hass.config_entries.flow.async_init(
        "homestash", context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {}
    return result["flow_id"]


@pytest.fixture
async def flow(hass: HomeAssistant) -> str:
    return await begin(hass)


async def finish(hass: HomeAssistant, core: FakeCore, flow: str) -> None:
    """Go through with it: no mistake is final."""
    core.secrets.add(SECRET)
    result = await submit(hass, flow, pairing_code=core.code)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.config_entries.async_unload(result["result"].entry_id)
    await hass.async_block_till_done()


async def test_pairing(hass: HomeAssistant, core: FakeCore, flow: str) -> None:
    hass.config.location_name = "H" * 200
    broken = f"  {core.code[:20]}\n {core.code[20:]}== "
    result = await submit(hass, flow, pairing_code=broken)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Attic"
    entry = result["result"]
    assert entry.unique_id == INSTANCE_ID
    assert entry.data == {
        "url": core.url,
        "token": "new-token-1",
        "token_id": "newid1",
        "info": {n: v for n, v in core.info.items() if n != "started_at"},
        "targets": [{"id": "target1", "unique_id": "place-1", "name": "Place 1"}],
    }
    await eventually(lambda: entry.runtime_data.connected)
    assert core.paired_names[0].startswith("Home Assistant (HHH")
    await hass.config_entries.async_unload(entry.entry_id)


async def test_pairing_at_another_address(
    hass: HomeAssistant, core: FakeCore, flow: str
) -> None:
    code = code_of({"v": 1, "u": "http://10.255.255.1:1", "s": SECRET})
    result = await submit(
        hass, flow, pairing_code=code, url=f" 127.0.0.1:{core.port}/ "
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["url"] == core.url
    await hass.config_entries.async_unload(result["result"].entry_id)


@pytest.mark.parametrize(
    ("code", "field", "key"),
    [
        ("hello!", "pairing_code", "code_unreadable"),
        ("", "pairing_code", "code_unreadable"),
        ("äöü", "pairing_code", "code_unreadable"),
        (code_of(b"\xff\xff"), "pairing_code", "code_unreadable"),
        (code_of([1]), "pairing_code", "code_unreadable"),
        (code_of({"v": 1, "u": 5, "s": ""}), "pairing_code", "code_unreadable"),
        (code_of({"v": "1"}), "pairing_code", "code_unreadable"),
        (code_of({"v": 2, "x": 5}), "pairing_code", "code_too_new"),
        (code_of({"v": 1, "u": "ftp://x", "s": "y"}), "url", "url_invalid"),
        (code_of({"v": 1, "u": "http://", "s": "y"}), "url", "url_invalid"),
        (code_of({"v": 1, "u": "http://x:99999", "s": "y"}), "url", "url_invalid"),
    ],
)
async def test_codes_that_cannot_be_used(
    hass: HomeAssistant, core: FakeCore, flow: str, code: str, field: str, key: str
) -> None:
    result = await submit(hass, flow, pairing_code=code)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {field: key}
    await finish(hass, core, flow)


async def test_used_code(hass: HomeAssistant, core: FakeCore, flow: str) -> None:
    core.secrets.clear()
    result = await submit(hass, flow, pairing_code=core.code)
    assert result["errors"] == {"pairing_code": "pairing_code_invalid"}
    await finish(hass, core, flow)


@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        (problem("rate_limited", 429, seconds="60"), {"base": "rate_limited"}),
        (problem("disk_full", 507), {"base": "core_problem"}),
        (web.Response(text="<html>"), {"base": "not_homestash"}),
        (web.json_response({"token": "x"}), {"base": "not_homestash"}),
        (
            web.json_response({"token": "x", "token_id": "y", "info": 1}),
            {"base": "not_homestash"},
        ),
        (web.Response(status=502), {"base": "cannot_connect"}),
    ],
)
async def test_answers_to_a_pairing(
    hass: HomeAssistant,
    core: FakeCore,
    flow: str,
    answer: web.Response,
    errors: dict[str, str],
) -> None:
    core.once("POST pairing", answer)
    result = await submit(hass, flow, pairing_code=core.code)
    assert result["errors"] == errors
    placeholders = result["description_placeholders"]
    assert placeholders["url"] == core.url
    if errors["base"] == "core_problem":
        assert placeholders["problem"] == "Title of disk_full. Hint of disk_full."
    await finish(hass, core, flow)


async def test_nobody_there(hass: HomeAssistant, core: FakeCore, flow: str) -> None:
    await core.stop()
    result = await submit(hass, flow, pairing_code=core.code)
    assert result["errors"] == {"base": "cannot_connect"}
    assert result["description_placeholders"]["url"] == core.url
    await core.start()
    await finish(hass, core, flow)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"min_api_version": 7, "api_version": 7}, "integration_too_old"),
        ({"min_api_version": 0, "api_version": 0}, "core_too_old"),
    ],
)
async def test_versions_that_do_not_fit(
    hass: HomeAssistant,
    core: FakeCore,
    flow: str,
    changes: dict[str, int],
    key: str,
) -> None:
    fits = dict(core.info)
    core.info |= {**changes, "version": "7.0.0"}
    result = await submit(hass, flow, pairing_code=core.code)
    assert result["errors"] == {"base": key}
    assert result["description_placeholders"]["core_version"] == "7.0.0"
    # No access is left behind.
    assert list(core.tokens) == [TOKEN]
    core.info = fits
    await finish(hass, core, flow)


async def test_token_that_does_not_work(
    hass: HomeAssistant, core: FakeCore, flow: str
) -> None:
    core.once("GET targets", problem("unauthorized", 401))
    core.once("DELETE newid1", problem("internal", 500))
    result = await submit(hass, flow, pairing_code=core.code)
    assert result["errors"] == {"pairing_code": "unauthorized"}
    await finish(hass, core, flow)


async def test_pairing_again_renews_the_existing_entry(
    hass: HomeAssistant,
    core: FakeCore,
    connected: None,
    entry: MockConfigEntry,
) -> None:
    result = await submit(hass, await begin(hass), pairing_code=core.code)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    await hass.async_block_till_done()
    await eventually(lambda: core.tokens == {"new-token-1": "newid1"})
    assert entry.data["token"] == "new-token-1"
    await eventually(lambda: entry.runtime_data.connected)
    assert hass.config_entries.flow.async_progress() == []


async def test_reauth(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    core.tokens = {"somebody else": "x"}
    await setup()
    await eventually(hass.config_entries.flow.async_progress)
    flow = hass.config_entries.flow.async_progress()[0]
    assert flow["step_id"] == "reauth_confirm"
    result = await submit(hass, flow["flow_id"], pairing_code="nonsense")
    assert result["errors"] == {"pairing_code": "code_unreadable"}
    assert result["description_placeholders"]["name"] == "Attic"
    result = await submit(hass, flow["flow_id"], pairing_code=core.code)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.data["token"] == "new-token-1"
    await eventually(lambda: entry.runtime_data.connected)


async def test_reauth_with_another_core(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    flow = hass.config_entries.flow.async_progress()[0]
    core.info["instance_id"] = "another"
    result = await submit(hass, flow["flow_id"], pairing_code=core.code)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.unique_id == "another"
    assert entry.data["token"] == "new-token-1"
    await eventually(lambda: entry.runtime_data.connected)


async def test_reauth_with_a_core_that_has_its_own_entry(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    other = MockConfigEntry(domain=DOMAIN, unique_id="another", data=dict(entry.data))
    other.add_to_hass(hass)
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    flow = hass.config_entries.flow.async_progress()[0]
    core.info["instance_id"] = "another"
    result = await submit(hass, flow["flow_id"], pairing_code=core.code)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_instance"
    assert entry.data["token"] == TOKEN
    assert core.tokens == {TOKEN: TOKEN_ID}


async def test_reconfigure_to_a_new_address(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    await setup()
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "url": "http://127.0.0.1:9"}
    )
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    suggested = {
        str(key): key.description["suggested_value"]
        for key in result["data_schema"].schema
        if key.description
    }
    assert suggested == {"url": "http://127.0.0.1:9"}
    flow = result["flow_id"]
    result = await submit(hass, flow, url="http://[::bad")
    assert result["errors"] == {"url": "url_invalid"}
    result = await submit(hass, flow, url="http://127.0.0.1:9")
    assert result["errors"] == {"base": "cannot_connect"}
    core.once("GET info", problem("unauthorized", 401))
    result = await submit(hass, flow, url=core.url)
    assert result["errors"] == {"pairing_code": "unauthorized"}
    result = await submit(hass, flow, url=core.url)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["url"] == core.url
    assert entry.data["token"] == TOKEN
    await eventually(lambda: entry.runtime_data.connected)
    assert core.tokens == {TOKEN: TOKEN_ID}


async def test_reconfigure_with_a_new_code(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result["flow_id"], url=core.url, pairing_code=core.code)
    assert result["reason"] == "reconfigure_successful"
    await eventually(lambda: core.tokens == {"new-token-1": "newid1"})
    await eventually(lambda: entry.runtime_data.connected)


async def test_reconfigure_to_another_core(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.info["instance_id"] = "another"
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result["flow_id"], url=core.url)
    assert result["reason"] == "wrong_instance"
    assert core.tokens == {TOKEN: TOKEN_ID}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("box", "http://box:8098"),
        ("box:80", "http://box"),
        ("box:1234/", "http://box:1234"),
        ("https://box.example/stash/", "https://box.example/stash"),
        ("http://user:pw@box:8098/?a=b#c", "http://box:8098"),
        ("192.168.1.20", "http://192.168.1.20:8098"),
        ("[fd00::1]", "http://[fd00::1]:8098"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert read_url(text) == url


def test_empty_address() -> None:
    with pytest.raises(InputError):
        read_url(" ")


def test_code_in_plain_base64() -> None:
    raw = json.dumps({"v": 1, "u": "http://x/?>?>", "s": "~~??>>"}).encode()
    assert read_pairing_code(base64.b64encode(raw).decode()).secret == "~~??>>"

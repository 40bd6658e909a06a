"""Measures Home Assistant from inside while an agent moves a backup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from homeassistant.components import websocket_api
from homeassistant.components.backup import AgentBackup
from homeassistant.components.backup.const import DATA_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .const import DOMAIN, MIB
from .gauge import Gauge

CONFIG_SCHEMA = vol.Schema(
    {DOMAIN: vol.Schema({vol.Required("sink_url"): cv.url})}, extra=vol.ALLOW_EXTRA
)


async def async_setup(hass: HomeAssistant, config: dict[str, Any]) -> bool:
    """Offer the commands."""
    hass.data[DOMAIN] = config[DOMAIN]
    websocket_api.async_register_command(hass, measured_upload)
    websocket_api.async_register_command(hass, begin)
    websocket_api.async_register_command(hass, end)
    websocket_api.async_register_command(hass, delete)
    return True


@websocket_api.websocket_command(
    {
        vol.Required("type"): "homestash_bench/upload",
        vol.Required("agent_id"): str,
        vol.Required("file"): str,
        vol.Required("backup"): dict,
    }
)
@websocket_api.async_response
async def measured_upload(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Give a file to an agent as the backup manager does, and say what that took."""
    agent = hass.data[DATA_MANAGER].backup_agents[msg["agent_id"]]
    path = Path(msg["file"])

    async def chunks() -> AsyncIterator[bytes]:
        file = await hass.async_add_executor_job(path.open, "rb")
        try:
            while chunk := await hass.async_add_executor_job(file.read, MIB):
                yield chunk
        finally:
            await hass.async_add_executor_job(file.close)

    async def open_stream() -> AsyncIterator[bytes]:
        return chunks()

    gauge = Gauge()
    gauge.start()
    try:
        await agent.async_upload_backup(
            open_stream=open_stream,
            backup=AgentBackup.from_dict(msg["backup"]),
            on_progress=lambda *, bytes_uploaded, **kwargs: None,
        )
    finally:
        figures = gauge.stop()
    connection.send_result(msg["id"], figures)


@websocket_api.websocket_command({vol.Required("type"): "homestash_bench/begin"})
@websocket_api.async_response
async def begin(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Begin to measure."""
    gauge = hass.data[f"{DOMAIN}.gauge"] = Gauge()
    gauge.start()
    connection.send_result(msg["id"])


@websocket_api.websocket_command({vol.Required("type"): "homestash_bench/end"})
@websocket_api.async_response
async def end(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Say what happened since the beginning took."""
    connection.send_result(msg["id"], hass.data.pop(f"{DOMAIN}.gauge").stop())


@websocket_api.websocket_command(
    {
        vol.Required("type"): "homestash_bench/delete",
        vol.Required("agent_id"): str,
        vol.Required("backup_id"): str,
    }
)
@websocket_api.async_response
async def delete(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Delete what an agent has stored."""
    agent = hass.data[DATA_MANAGER].backup_agents[msg["agent_id"]]
    await agent.async_delete_backup(msg["backup_id"])
    connection.send_result(msg["id"])

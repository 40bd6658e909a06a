"""Homestash keeps Home Assistant's backups; this is its hand inside Home Assistant."""

from functools import partial
import logging

from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .client import CoreClient
from .const import CONF_TOKEN_ID, DOMAIN
from .errors import CoreError
from .link import (
    CoreLink,
    HomestashConfigEntry,
    away_issue_id,
    issue_id,
    notify_backup_listeners,
)

_LOGGER = logging.getLogger(__name__)


def _client(hass: HomeAssistant, entry: HomestashConfigEntry) -> CoreClient:
    session = async_get_clientsession(hass)
    return CoreClient(session, entry.data[CONF_URL], entry.data[CONF_TOKEN])


async def async_setup_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> bool:
    """Set up from what is stored: the locations exist also while the core is away."""
    link = CoreLink(hass, entry, _client(hass, entry))
    entry.runtime_data = link
    entry.async_on_unload(
        entry.async_on_state_change(partial(notify_backup_listeners, hass))
    )
    entry.async_create_background_task(hass, link.run(), f"{DOMAIN} {entry.title}")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> bool:
    """Unload; the connection ends with the entry."""
    return True


async def async_remove_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> None:
    """Give the access back. Nothing else is deleted: the core owns what it has."""
    ir.async_delete_issue(hass, DOMAIN, issue_id(entry))
    ir.async_delete_issue(hass, DOMAIN, away_issue_id(entry))
    try:
        await _client(hass, entry).revoke(entry.data[CONF_TOKEN_ID])
    except CoreError as error:
        _LOGGER.info("The access to %s could not be revoked: %s", entry.title, error)

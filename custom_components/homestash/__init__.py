"""Homestash keeps Home Assistant's backups; this is its hand inside Home Assistant."""

from functools import partial
import logging

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .client import CoreClient
from .connecting import core_client
from .const import CONF_TARGETS, CONF_TOKEN_ID, DOMAIN
from .contract import Target
from .device_offers import withdraw_offers
from .errors import CoreError
from .link import (
    CoreLink,
    HomestashConfigEntry,
    away_issue_id,
    issue_id,
    notify_backup_listeners,
)
from .mirror import mirror
from .notices import show_notices

_LOGGER = logging.getLogger(__name__)


def _client(hass: HomeAssistant, entry: HomestashConfigEntry) -> CoreClient:
    return core_client(hass, entry.data[CONF_URL], entry.data[CONF_TOKEN])


async def async_migrate_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> bool:
    """Give the targets of an entry from before there were subentries one each."""
    if entry.version == 1 and entry.minor_version < 2:  # noqa: PLR2004
        targets = [Target.from_dict(target) for target in entry.data[CONF_TARGETS]]
        nothing_known = {**entry.data, CONF_TARGETS: []}
        hass.config_entries.async_update_entry(
            entry, data=nothing_known, minor_version=2
        )
        mirror(hass, entry, targets)
    return entry.version == 1


async def async_setup_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> bool:
    """Set up from what is stored: the locations exist also while the core is away."""
    link = CoreLink(hass, entry, _client(hass, entry))
    entry.runtime_data = link
    entry.async_on_unload(
        entry.async_on_state_change(partial(notify_backup_listeners, hass))
    )
    entry.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, link.entry_changed)
    )
    entry.async_create_background_task(hass, link.run(), f"{DOMAIN} {entry.title}")
    entry.async_create_background_task(
        hass, link.devices.run(), f"{DOMAIN} devices {entry.title}"
    )
    return True


def _forget_issues(hass: HomeAssistant, entry: HomestashConfigEntry) -> None:
    ir.async_delete_issue(hass, DOMAIN, issue_id(entry))
    ir.async_delete_issue(hass, DOMAIN, away_issue_id(entry))
    show_notices(hass, entry, [])
    withdraw_offers(hass, entry)


async def async_unload_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> bool:
    """Unload; the connection ends with the entry, and what it was told if it stays so."""
    if entry.disabled_by is not None:
        _forget_issues(hass, entry)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: HomestashConfigEntry) -> None:
    """Give the access back. Nothing else is deleted: the core owns what it has."""
    _forget_issues(hass, entry)
    try:
        await _client(hass, entry).revoke(entry.data[CONF_TOKEN_ID])
    except CoreError as error:
        _LOGGER.info("The access to %s could not be revoked: %s", entry.title, error)

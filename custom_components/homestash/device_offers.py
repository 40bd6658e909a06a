"""Devices that a core left behind which is gone: offered to one that knows none of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_ENTRY_ID, CONF_INSTANCE_ID, DOMAIN
from .contract import Mirror
from .device_files import device_ids

ISSUE_HELD: Final = "devices_held"

# A sentence names so many devices.
SHOWN_NAMES: Final = 5


def _live_instances(hass: HomeAssistant) -> set[str | None]:
    """Return the cores that are there: what is theirs is not offered to others."""
    entries = hass.config_entries.async_loaded_entries(DOMAIN)
    return {entry.unique_id for entry in entries if entry.runtime_data.connected}


def placeholders(entry: ConfigEntry[Any], index: Mirror) -> dict[str, str]:
    """Return what sentences say of what is held."""
    ids = device_ids(index)
    names = [str(d.get("name")) for d in index.devices if d.get("id") in ids]
    more = ["…"] if len(names) > SHOWN_NAMES else []
    return {
        "count": str(len(ids)),
        "name": entry.title,
        "names": ", ".join(names[:SHOWN_NAMES] + more),
    }


@callback
def show_offers(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    indexes: Iterable[Mirror],
    known: set[str],
) -> None:
    """Offer what others left behind to a core that has none of it, and nothing else."""
    live = _live_instances(hass) | {entry.unique_id}
    wanted = {
        f"{ISSUE_HELD}_{index.instance_id}": index
        for index in indexes
        if index.instance_id not in live and not device_ids(index) & known
    }
    for domain, issue_id in list(ir.async_get(hass).issues):
        is_ours = domain == DOMAIN and issue_id.startswith(f"{ISSUE_HELD}_")
        if is_ours and issue_id not in wanted:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
    for issue_id, index in wanted.items():
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            data={
                CONF_ENTRY_ID: entry.entry_id,
                CONF_INSTANCE_ID: index.instance_id,
            },
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=ISSUE_HELD,
            translation_placeholders=placeholders(entry, index),
        )


@callback
def withdraw_offers(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Offer nothing more to a core that is not asked any more."""
    for (domain, issue_id), issue in list(ir.async_get(hass).issues.items()):
        if domain != DOMAIN or not issue_id.startswith(f"{ISSUE_HELD}_"):
            continue
        if (issue.data or {}).get(CONF_ENTRY_ID) == entry.entry_id:
            ir.async_delete_issue(hass, DOMAIN, issue_id)

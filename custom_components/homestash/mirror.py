"""The targets of a core as subentries of its entry: their ids and names, and never a secret.

The core owns its targets. `data["targets"]` is what it has, as last seen; those of them
that have no subentry were removed here by a person and stay hidden.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigSubentry,
    ConfigSubentryData,
)
from homeassistant.core import HomeAssistant, callback

from .const import CONF_TARGETS, SUBENTRY_TARGET
from .contract import Target


def subentry_data(target: Target) -> dict[str, str]:
    """Return what a subentry keeps; the place itself is its unique id."""
    return {"id": target.id, "name": target.name}


def new_subentry(target: Target) -> ConfigSubentryData:
    """Return the subentry with which a new entry begins."""
    return ConfigSubentryData(
        data=subentry_data(target),
        subentry_type=SUBENTRY_TARGET,
        title=target.name,
        unique_id=target.unique_id,
    )


def target_of(subentry: ConfigSubentry) -> Target:
    """Return the target that a subentry stands for."""
    return Target.from_dict({**subentry.data, "unique_id": subentry.unique_id})


def shown_targets(entry: ConfigEntry[Any]) -> list[Target]:
    """Return the targets that are locations of this home."""
    return [target_of(subentry) for subentry in entry.subentries.values()]


def hidden_targets(entry: ConfigEntry[Any]) -> list[Target]:
    """Return the targets that a person does not want to see here."""
    shown = {target.unique_id for target in shown_targets(entry)}
    known = map(Target.from_dict, entry.data[CONF_TARGETS])
    return [target for target in known if target.unique_id not in shown]


@callback
def drop_subentry(
    hass: HomeAssistant, entry: ConfigEntry[Any], unique_id: str | None
) -> None:
    """Take the subentry of a place away, if there is one."""
    for subentry_id, subentry in entry.subentries.items():
        if subentry.unique_id == unique_id:
            hass.config_entries.async_remove_subentry(entry, subentry_id)
            return


@callback
def mirror(
    hass: HomeAssistant, entry: ConfigEntry[Any], targets: Iterable[Target]
) -> None:
    """Follow the core: what is new appears, what is gone goes, names are its names."""
    left = {target.unique_id: target for target in targets}
    data = {**entry.data, CONF_TARGETS: [target.as_dict() for target in left.values()]}
    hidden = {target.unique_id for target in hidden_targets(entry)}
    for subentry in list(entry.subentries.values()):
        target = left.pop(subentry.unique_id or "", None)
        if target is None:
            drop_subentry(hass, entry, subentry.unique_id)
        else:
            hass.config_entries.async_update_subentry(
                entry, subentry, title=target.name, data=subentry_data(target)
            )
    for target in left.values():
        if target.unique_id not in hidden:
            new = ConfigSubentry(
                data=MappingProxyType(subentry_data(target)),
                subentry_type=SUBENTRY_TARGET,
                title=target.name,
                unique_id=target.unique_id,
            )
            hass.config_entries.async_add_subentry(entry, new)
    hass.config_entries.async_update_entry(entry, data=data)

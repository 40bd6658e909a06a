"""Taking over what a core left behind that is gone: the form of that repair."""

from __future__ import annotations

from collections.abc import Iterator
import json
import logging
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntry, ConfigEntryState

from .client import CoreClient
from .contract import Mirror
from .device_files import device_ids
from .device_mirror import DeviceMirror, device_mirror
from .device_offers import placeholders
from .errors import CoreError, CoreUnreachable, explained

if TYPE_CHECKING:
    # Older versions of Home Assistant do not have it.
    from homeassistant.components.repairs import RepairsFlowResult

_LOGGER = logging.getLogger(__name__)

# The core takes 1 MiB of JSON; thousands of files are described by more (characters).
MOST_AT_ONCE: Final = 500_000


def _portions(index: Mirror) -> Iterator[list[dict[str, Any]]]:
    """Return the devices in portions that a core takes."""
    ids = device_ids(index)
    portion: list[dict[str, Any]] = []
    size = 0
    for device in index.devices:
        if device.get("id") not in ids:
            continue
        length = len(json.dumps(device))
        if portion and size + length > MOST_AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(device)
        size += length
    if portion:
        yield portion


async def take_over(mirror: DeviceMirror, client: CoreClient, index: Mirror) -> None:
    """Hand everything to a core that it wants; what is damaged stays here."""
    files = {file.sha256: file for file in index.files}
    for devices in _portions(index):
        adoption = await client.offer_devices(devices)
        for sha256 in adoption.wanted:
            file = files.get(sha256)
            content = await mirror.run(mirror.files.content, file) if file else None
            if content is None:
                _LOGGER.warning("A file that Homestash wants is missing or damaged")
                continue
            try:
                await client.adopt_file(sha256, content)
            except CoreUnreachable:
                raise
            except CoreError as error:
                _LOGGER.warning("A device is not taken over: %s", error)


class AdoptionFlow(RepairsFlow):
    """Asks what becomes of devices that another core left behind."""

    _index: Mirror
    _values: dict[str, str]

    def __init__(self, entry: ConfigEntry[Any] | None, instance_id: str) -> None:
        """Keep whose, and who may have them."""
        self._entry = entry
        self._instance_id = instance_id

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask whether to take them over or to throw them away."""
        if self._entry is None or self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        mirror = device_mirror(self.hass)
        if mirror.backup_under_way:
            return self.async_abort(reason="backup_under_way")
        indexes = await mirror.run(mirror.files.read)
        found = (i for i in indexes if i.instance_id == self._instance_id)
        index = next(found, None)
        if index is None:
            return self.async_abort(reason="nothing_held")
        self._index = index
        self._values = placeholders(self._entry, index)
        return self.async_show_menu(
            step_id="init",
            menu_options=["take_over", "throw_away"],
            description_placeholders=self._values,
        )

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Take them over; they are then held for this core, and not for the other."""
        if self._entry is None or self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        mirror = device_mirror(self.hass)
        client: CoreClient = self._entry.runtime_data.client
        held = device_ids(self._index)
        try:
            async with mirror.work:
                await take_over(mirror, client, self._index)
            taken = held & await client.device_ids()
        except CoreError as error:
            reason, values = explained(error)
            return self.async_abort(reason=reason, description_placeholders=values)
        if not taken:
            return self.async_abort(reason="none_taken_over")
        await mirror.follow(self._entry, client)
        if taken == held:
            return self.async_create_entry(data={})
        return self.async_abort(
            reason="some_taken_over",
            description_placeholders={
                "taken": str(len(taken)),
                "left": str(len(held) - len(taken)),
            },
        )

    async def async_step_throw_away(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Throw them away, once that was confirmed."""
        if user_input is None:
            return self.async_show_form(
                step_id="throw_away", description_placeholders=self._values
            )
        mirror = device_mirror(self.hass)
        async with mirror.work:
            await mirror.change(mirror.files.forget, self._instance_id)
        return self.async_create_entry(data={})

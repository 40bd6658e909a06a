"""The newest configurations of devices, kept where Home Assistant's backups find them.

A device is contacted by the core and never from here, and the core not while a backup
is made: what belongs into a backup lies in `.storage/homestash/` long before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
import logging
from pathlib import Path
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.hass_dict import HassKey

from .client import CoreClient
from .const import DOMAIN
from .device_collection import Collection
from .device_files import DeviceFiles, is_plain_id
from .device_offers import show_offers
from .errors import CoreError

_LOGGER = logging.getLogger(__name__)

# A backup waits for the check before it, so it is short whatever the disk does (seconds).
CHECK_SECONDS: Final = 5.0

# The folder is left alone while a backup is made; one whose end is not told is over then
# (seconds): a Supervisor that was killed does not tell.
LONGEST_BACKUP_SECONDS: Final = 2 * 60 * 60.0

ISSUE_MISSING: Final = "devices_missing"
ISSUE_NOT_KEPT: Final = "devices_not_kept"

DEVICE_MIRROR: Final[HassKey[DeviceMirror]] = HassKey(f"{DOMAIN}_device_mirror")


@callback
def device_mirror(hass: HomeAssistant) -> DeviceMirror:
    """Return the one of this home: the folder is one, however many cores there are."""
    if DEVICE_MIRROR not in hass.data:
        hass.data[DEVICE_MIRROR] = DeviceMirror(hass)
    return hass.data[DEVICE_MIRROR]


class DeviceMirror:
    """Brings what cores have into the folder, and looks after it around backups."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Keep where; the folder is made with the first file."""
        self._hass = hass
        self.files = DeviceFiles(Path(hass.config.path(STORAGE_DIR, DOMAIN)))
        # One at a time uses the folder; what only reads does not wait.
        self.work = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._no_backup = asyncio.Event()
        self._no_backup.set()
        self._missing: list[str] = []
        self._warned: set[str] = set()
        # Who is told that files are missing.
        self.listeners: list[Callable[[], None]] = []

    @property
    def backup_under_way(self) -> bool:
        """Return whether the folder is left alone at the moment."""
        return not self._no_backup.is_set()

    async def run[**P, T](
        self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do something with the folder that changes nothing in it."""
        return await self._hass.async_add_executor_job(lambda: work(*args, **kwargs))

    async def change[**P, T](
        self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Change the folder while no backup reads it.

        A file that vanishes while Home Assistant packs it would fail the backup.
        """
        while True:
            try:
                async with asyncio.timeout(LONGEST_BACKUP_SECONDS):
                    await self._no_backup.wait()
            except TimeoutError:
                self._no_backup.set()
            async with self._changing:
                if self._no_backup.is_set():
                    return await self.run(work, *args, **kwargs)

    async def follow(self, entry: ConfigEntry[Any], client: CoreClient) -> bool:
        """Keep what this core has; False where something is left for another time."""
        async with self.work:
            try:
                complete = await self._follow(entry, client)
            except CoreError as error:
                _LOGGER.debug("%s does not say what it has: %s", entry.title, error)
                return False
            except OSError as error:
                self._not_kept(error)
                return False
        self._warned.discard(ISSUE_NOT_KEPT)
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE_NOT_KEPT)
        return complete

    async def _follow(self, entry: ConfigEntry[Any], client: CoreClient) -> bool:
        mirror = await client.device_mirror()
        if mirror.instance_id != entry.unique_id or not is_plain_id(mirror.instance_id):
            raise CoreError("core_other", {"url": client.url})
        known = await client.device_ids()
        indexes = await self.run(self.files.read)
        own = next((i for i in indexes if i.instance_id == mirror.instance_id), None)
        await self.change(self.files.clean)
        collection = Collection(self.run, self.files, client, mirror.instance_id)
        await collection.fetch(mirror)
        if own is not None:
            collection.carry_over(own, known)
        for message in collection.failures:
            self._warn_once(message)
        index = collection.index
        is_new = collection.finished or index != await self.run(self.files.current)
        if index.files and is_new:
            await self.change(self.files.place, index, collection.finished)
            indexes = await self.run(self.files.read)
        if not await self.run(self.files.missing):
            ir.async_delete_issue(self._hass, DOMAIN, ISSUE_MISSING)
        show_offers(self._hass, entry, indexes, known)
        return not collection.failures

    async def before_backup(self) -> None:
        """Leave the folder alone from now on, and see whether all is there.

        Never raises and never takes long: a backup must not fail because of devices.
        """
        self._missing = []
        self._no_backup.clear()
        try:
            async with asyncio.timeout(CHECK_SECONDS), self._changing:
                self._missing = await self.run(self.files.missing)
        except TimeoutError:
            _LOGGER.warning("The disk is too slow to check the files of devices")
        except Exception:  # a backup is worth more than any reason
            _LOGGER.exception("The files of devices could not be checked")

    async def after_backup(self) -> None:
        """Tell what was missing, and have it fetched."""
        self._no_backup.set()
        if not self._missing:
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            ISSUE_MISSING,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=ISSUE_MISSING,
            translation_placeholders={"count": str(len(self._missing))},
        )
        for listener in list(self.listeners):
            listener()

    def _not_kept(self, error: OSError) -> None:
        """Tell that the disk does not take anything; it may again."""
        reason = error.strerror or str(error)
        if ISSUE_NOT_KEPT not in self._warned:
            self._warned.add(ISSUE_NOT_KEPT)
            _LOGGER.error("Files of devices cannot be kept: %s", reason)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            ISSUE_NOT_KEPT,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key=ISSUE_NOT_KEPT,
            translation_placeholders={
                "path": str(self.files.folder),
                "reason": reason,
            },
        )

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            _LOGGER.warning(message)

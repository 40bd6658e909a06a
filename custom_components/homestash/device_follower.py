"""When the configurations of devices are brought up to date: soon, and not too often."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .client import CoreClient
from .device_mirror import device_mirror

# The last change of several is waited for (seconds), but not for ever.
QUIET_SECONDS: Final = 5.0
LONGEST_QUIET_SECONDS: Final = 600.0
# A backup of each of many devices is a change (seconds).
PAUSE_SECONDS: Final = 60.0
# What did not work out is tried again (seconds).
RETRY_SECONDS: Final = 600.0


class MirrorFollower:
    """Follows the changes of one core: soon after the last one, and not too often."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], client: CoreClient
    ) -> None:
        """Keep whom."""
        self._mirror = device_mirror(hass)
        self._entry = entry
        self._client = client
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._first = self._last = 0.0

    @callback
    def changed(self) -> None:
        """Note that the core has something else, or is there again."""
        self._last = self._loop.time()
        if not self._changed.is_set():
            self._first = self._last
            self._changed.set()

    async def run(self) -> None:
        """Follow, for as long as the entry is loaded."""
        self._mirror.listeners.append(self.changed)
        try:
            complete = True
            earliest = 0.0
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if complete else RETRY_SECONDS):
                        await self._changed.wait()
                await self._quiet(earliest)
                self._changed.clear()
                earliest = self._loop.time() + PAUSE_SECONDS
                complete = await self._mirror.follow(self._entry, self._client)
        finally:
            self._mirror.listeners.remove(self.changed)

    async def _quiet(self, earliest: float) -> None:
        """Wait until nothing changes any more, which may begin anew meanwhile."""
        while True:
            due = min(self._last + QUIET_SECONDS, self._first + LONGEST_QUIET_SECONDS)
            pause = max(due, earliest) - self._loop.time()
            if pause <= 0:
                return
            await asyncio.sleep(pause)

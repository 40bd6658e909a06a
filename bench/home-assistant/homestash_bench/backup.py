"""Two agents that do as little as can be done: what any other is to be compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from homeassistant.components.backup import AgentBackup, BackupAgent, BackupNotFound
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import DOMAIN, MIB

type OpenStream = Callable[[], Coroutine[Any, Any, AsyncIterator[bytes]]]


async def async_get_backup_agents(
    hass: HomeAssistant, **kwargs: Any
) -> list[BackupAgent]:
    """Return both."""
    return [DropAgent(), PutAgent(hass, hass.data[DOMAIN]["sink_url"])]


@callback
def async_register_backup_agents_listener(
    hass: HomeAssistant, *, listener: Callable[[], None], **kwargs: Any
) -> Callable[[], None]:
    """They never change."""
    return lambda: None


class _Agent(BackupAgent):
    """Knows what was given to it."""

    domain = DOMAIN

    def __init__(self, name: str) -> None:
        """Know nothing."""
        super().__init__()
        self.name = self.unique_id = name
        self._backups: dict[str, AgentBackup] = {}

    async def async_delete_backup(self, backup_id: str, **kwargs: Any) -> None:
        """Forget it."""
        self._backups.pop(backup_id, None)

    async def async_list_backups(self, **kwargs: Any) -> list[AgentBackup]:
        """Return what is known."""
        return list(self._backups.values())

    async def async_get_backup(self, backup_id: str, **kwargs: Any) -> AgentBackup:
        """Return one of them."""
        if backup := self._backups.get(backup_id):
            return backup
        raise BackupNotFound(backup_id)


class DropAgent(_Agent):
    """Reads and drops."""

    def __init__(self) -> None:
        """Take its name."""
        super().__init__("drop")

    async def async_upload_backup(
        self, *, open_stream: OpenStream, backup: AgentBackup, **kwargs: Any
    ) -> None:
        """Read the stream."""
        async for _chunk in await open_stream():
            pass
        self._backups[backup.backup_id] = backup

    async def async_download_backup(
        self, backup_id: str, **kwargs: Any
    ) -> AsyncIterator[bytes]:
        """Return the same MiB again and again."""
        size = (await self.async_get_backup(backup_id)).size

        async def chunks() -> AsyncIterator[bytes]:
            chunk = bytes(MIB)
            for start in range(0, size, MIB):
                yield chunk[: size - start]

        return chunks()


class PutAgent(_Agent):
    """Hands the stream to aiohttp's client and does nothing else."""

    def __init__(self, hass: HomeAssistant, sink_url: str) -> None:
        """Keep where to."""
        super().__init__("put")
        self._session = async_get_clientsession(hass)
        self._sink = sink_url

    async def async_upload_backup(
        self, *, open_stream: OpenStream, backup: AgentBackup, **kwargs: Any
    ) -> None:
        """PUT the stream as it comes."""
        async with self._session.put(self._sink, data=await open_stream()) as response:
            response.raise_for_status()
        self._backups[backup.backup_id] = backup

    async def async_download_backup(
        self, backup_id: str, **kwargs: Any
    ) -> AsyncIterator[bytes]:
        """GET as many bytes, in chunks as they come."""
        size = (await self.async_get_backup(backup_id)).size
        response = await self._session.get(f"{self._sink}{size}")
        response.raise_for_status()
        return response.content.iter_chunked(MIB)

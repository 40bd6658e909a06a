"""The locations under Settings, System, Backups, and what is to do around a backup."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from homeassistant.components.backup import AgentBackup, BackupAgent, Folder
from homeassistant.core import HomeAssistant, callback

from .const import BACKUP_AGENT_LISTENERS, DOMAIN
from .contract import Backup, ContractError, Target, as_object
from .device_mirror import DEVICE_MIRROR
from .download import ArchiveStream
from .errors import CoreError, CoreNotUnderstood, to_agent_error
from .link import CoreLink, HomestashConfigEntry
from .mirror import shown_targets
from .upload import BackupUpload, OpenStream

if TYPE_CHECKING:
    # Home Assistant 2026.3 does not have it yet.
    from homeassistant.components.backup import OnProgressCallback


async def async_get_backup_agents(
    hass: HomeAssistant, **kwargs: Any
) -> list[BackupAgent]:
    """Return an agent for each target that is shown, also while the core is away."""
    entries: list[HomestashConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    return [
        HomestashBackupAgent(entry.runtime_data, target)
        for entry in entries
        for target in shown_targets(entry)
    ]


@callback
def async_register_backup_agents_listener(
    hass: HomeAssistant, *, listener: Callable[[], None], **kwargs: Any
) -> Callable[[], None]:
    """Register who must hear that locations appeared or vanished."""
    listeners = hass.data.setdefault(BACKUP_AGENT_LISTENERS, [])
    listeners.append(listener)

    @callback
    def remove() -> None:
        listeners.remove(listener)

    return remove


async def async_pre_backup(hass: HomeAssistant) -> None:
    """See that the configurations of devices are there; a backup never waits for long."""
    if (devices := hass.data.get(DEVICE_MIRROR)) is not None:
        await devices.before_backup()


async def async_post_backup(hass: HomeAssistant) -> None:
    """Tell what was missing."""
    if (devices := hass.data.get(DEVICE_MIRROR)) is not None:
        await devices.after_backup()


def read_backup(data: object) -> tuple[AgentBackup, str | None]:
    """Read a backup as Home Assistant knows it, and the checksum of its archive.

    Folders that this version of Home Assistant does not know are left out: a newer
    one, or another installation, may have stored it.
    """
    stored = Backup.from_dict(data)
    known = set(Folder)
    members = dict(stored.backup)
    try:
        members["folders"] = [name for name in members["folders"] if name in known]
        members["addons"] = [
            {name: as_object(addon).get(name) for name in ("name", "slug", "version")}
            for addon in members["addons"]
        ]
        return AgentBackup.from_dict(members), stored.crc32
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"not a backup: {error!r}") from error


class HomestashBackupAgent(BackupAgent):
    """A target of the core as a location for backups."""

    domain = DOMAIN

    def __init__(self, link: CoreLink, target: Target) -> None:
        """Keep which target of which core."""
        super().__init__()
        self._link = link
        self._client = link.client
        self._target_id = target.id
        self.name = target.name
        self.unique_id = target.unique_id

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say what went wrong in the words of Home Assistant."""
        try:
            self._link.check()
            yield
        except CoreError as error:
            self._link.heed(error)
            raise to_agent_error(error) from error

    async def async_download_backup(
        self, backup_id: str, **kwargs: Any
    ) -> AsyncIterator[bytes]:
        """Return the archive of a backup."""
        with self._translated():
            stream = ArchiveStream(self._client, self._target_id, backup_id)
            await stream.start()
            return stream

    async def async_upload_backup(
        self,
        *,
        open_stream: OpenStream,
        backup: AgentBackup,
        on_progress: OnProgressCallback | None = None,
        **kwargs: Any,
    ) -> None:
        """Store a backup."""
        with self._translated():
            await BackupUpload(
                self._client, self._target_id, backup, open_stream, on_progress
            ).run()

    async def async_delete_backup(self, backup_id: str, **kwargs: Any) -> None:
        """Delete a backup."""
        with self._translated():
            await self._client.ping()
            await self._client.delete_backup(self._target_id, backup_id)

    async def async_list_backups(self, **kwargs: Any) -> list[AgentBackup]:
        """Return the backups; one that cannot be read does not hide the others."""
        with self._translated():
            await self._client.ping()
            backups: list[AgentBackup] = []
            for data in await self._client.backups(self._target_id):
                try:
                    backups.append(read_backup(data)[0])
                except ContractError as error:
                    self._link.warn_once(
                        f"A backup at {self.name} is left out: {error}"
                    )
            return backups

    async def async_get_backup(self, backup_id: str, **kwargs: Any) -> AgentBackup:
        """Return one backup."""
        with self._translated():
            data = await self._client.backup(self._target_id, backup_id)
            try:
                return read_backup(data)[0]
            except ContractError as error:
                raise CoreNotUnderstood(self._client.url) from error

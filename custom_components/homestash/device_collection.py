"""Bringing together what is kept of a core's devices: what is here already, and the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

from .client import CoreClient
from .contract import Mirror, MirrorFile
from .device_files import (
    MAX_BYTES,
    DeviceFiles,
    UnfinishedFile,
    device_ids,
    is_plain,
)
from .errors import CoreError, CoreUnreachable

# A core that does not answer so often in a row is away: the rest is tried another time.
MAX_UNANSWERED: Final = 3


class Unfit(Exception):
    """What the core says or sends of a device cannot be kept."""


class Run(Protocol):
    """Does blocking work elsewhere."""

    def __call__[**P, T](
        self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """Do it."""


class Collection:
    """What will be kept of one core."""

    def __init__(
        self, run: Run, files: DeviceFiles, client: CoreClient, instance_id: str
    ) -> None:
        """Begin with nothing."""
        self._run = run
        self._files = files
        self._client = client
        self._bytes = 0
        self._unanswered = 0
        # Devices that have become too large to be kept here.
        self._left_out: set[object] = set()
        self.index = Mirror(instance_id, [], [])
        # Files that are to be put under these names.
        self.finished: dict[str, Path] = {}
        # Why something is not there that should be.
        self.failures: list[str] = []

    def _add(self, device: dict[str, Any], files: list[MirrorFile]) -> None:
        self.index.devices.append(device)
        self.index.files.extend(files)
        self._bytes += _size(files)

    def _has_room(self, files: list[MirrorFile]) -> bool:
        return self._bytes + _size(files) <= MAX_BYTES

    async def fetch(self, mirror: Mirror) -> None:
        """Fetch what is not here yet; a device that fails is no harm to others."""
        for device in mirror.devices:
            files = [f for f in mirror.files if f.device_id == device.get("id")]
            if not files:
                self._left_out.add(device.get("id"))
                continue
            try:
                if self._unanswered >= MAX_UNANSWERED:
                    raise CoreUnreachable(self._client.url)
                finished = await self._fetch(files)
            except (CoreError, Unfit) as error:
                if isinstance(error, CoreUnreachable):
                    self._unanswered += 1
                self.failures.append(
                    f"What was saved of {device.get('name')} is not kept: {error}"
                )
            else:
                self._unanswered = 0
                self.finished |= finished
                self._add(device, files)

    def carry_over(self, own: Mirror, known: set[str]) -> None:
        """Keep what there is of devices whose newest configuration cannot be had.

        A core that has lost what it saved still knows its devices, and one that knows
        none at all is rather ill than empty: only what was taken out of a core that has
        others goes.
        """
        here = device_ids(self.index)
        for device in own.devices:
            device_id = device["id"]
            files = [file for file in own.files if file.device_id == device_id]
            gone = bool(known) and device_id not in known
            # An old configuration must not look like the newest.
            gone = gone or device_id in self._left_out
            fits = device_id not in here and self._has_room(files)
            if files and fits and not gone:
                self._add(device, files)

    async def _fetch(self, files: list[MirrorFile]) -> dict[str, Path]:
        """Fetch the files of a device that are not here yet."""
        if not all(is_plain(file) for file in files):
            raise Unfit("a name, a sum or a size is none")
        names = {file.path for file in [*self.index.files, *files]}
        if len(names) != len(self.index.files) + len(files):
            raise Unfit("a name is there twice")
        if not self._has_room(files):
            raise Unfit("it is too large")
        return {
            file.path: await self._download(file)
            for file in files
            if not await self._run(self._files.has, file)
        }

    async def _download(self, file: MirrorFile) -> Path:
        """Fetch a file; it is whole, or it is not there."""
        unfinished = await self._run(self._files.begin)
        try:
            await self._receive(file, unfinished)
            actual = await self._run(unfinished.finish)
        finally:
            await self._run(unfinished.close)
        if (unfinished.size, actual) != (file.size, file.sha256):
            raise Unfit("what arrived is not what was saved")
        return unfinished.path

    async def _receive(self, file: MirrorFile, unfinished: UnfinishedFile) -> None:
        async for chunk in self._client.device_file(file):
            if unfinished.size + len(chunk) > file.size:
                raise Unfit("what arrived is larger than what was saved")
            await self._run(unfinished.write, chunk)


def _size(files: list[MirrorFile]) -> int:
    return sum(file.size for file in files)

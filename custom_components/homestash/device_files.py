"""The folder in Home Assistant's configuration that holds configurations of devices.

Everything here works on the disk and belongs into the executor. `index.json` says what
is there: whose it is, the devices, and their files. What a core left behind that is
gone stays beside it as `index.<its id>.json`, with its files, until somebody decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import hashlib
import json
import os
from pathlib import Path
import re
from typing import Any, Final

from .const import MIB
from .contract import ContractError, Mirror, MirrorFile

INDEX: Final = "index.json"

# Where files are written before they are whole.
UNFINISHED: Final = "unfinished"

# A larger file would make each backup slow, and so would more of them together (bytes).
# The core leaves out what is larger; it is not believed to.
MAX_FILE_BYTES: Final = 5 * MIB
MAX_BYTES: Final = 50 * MIB

# A description of more than this is none (bytes).
MAX_INDEX_BYTES: Final = 32 * MIB

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_INDEX_NAME: Final = re.compile(r"index(\.[A-Za-z0-9-]{1,64})?\.json")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")

# For nobody but Home Assistant.
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


def is_plain(file: MirrorFile) -> bool:
    """Return whether a file may have this name and size: nothing leads elsewhere."""
    return (
        _PLAIN_NAME.fullmatch(file.path) is not None
        and _INDEX_NAME.fullmatch(file.path) is None
        and file.path != UNFINISHED
        and _SHA256.fullmatch(file.sha256) is not None
        and 0 <= file.size <= MAX_FILE_BYTES
    )


def is_plain_id(instance_id: str) -> bool:
    """Return whether the id of a core may stand in the name of a file."""
    return _PLAIN_ID.fullmatch(instance_id) is not None


def device_ids(index: Mirror) -> set[str]:
    """Return the devices of which there is a file."""
    return {file.device_id for file in index.files}


def only(index: Mirror, ids: set[str]) -> Mirror:
    """Return what an index says of some devices."""
    return Mirror(
        index.instance_id,
        [file for file in index.files if file.device_id in ids],
        [device for device in index.devices if device.get("id") in ids],
    )


def _current_first(named: tuple[str, Mirror]) -> tuple[bool, str]:
    name, _ = named
    return name != INDEX, name


class UnfinishedFile:
    """A file that is being written, and its sum so far."""

    def __init__(self, path: Path) -> None:
        """Open it; what was there from an earlier attempt is gone."""
        self.path = path
        self.size = 0
        self._sum = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._file = os.fdopen(os.open(path, flags, _FILE_MODE), "wb")

    def write(self, data: bytes) -> None:
        """Add to it."""
        self._file.write(data)
        self._sum.update(data)
        self.size += len(data)

    def finish(self) -> str:
        """Have it safe on the disk, and return its sum."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._sum.hexdigest()

    def close(self) -> None:
        """Leave it as it is; the next attempt removes it."""
        with contextlib.suppress(OSError):
            self._file.close()


class DeviceFiles:
    """The folder and what its indexes say."""

    def __init__(self, folder: Path) -> None:
        """Keep where."""
        self.folder = folder
        # Files whose sum was right, and what they looked like then.
        self._right: dict[str, tuple[str, int, int]] = {}
        self._started = 0

    def read(self) -> list[Mirror]:
        """Return what all indexes say, the current one first; one that is none is not there."""
        return [index for _, index in sorted(self._named(), key=_current_first)]

    def current(self) -> Mirror | None:
        """Return what the current index says."""
        return self._read(INDEX)

    def _read(self, name: str) -> Mirror | None:
        path = self.folder / name
        try:
            if path.stat().st_size > MAX_INDEX_BYTES:
                return None
            index = Mirror.from_dict(json.loads(path.read_bytes()))
        except (ContractError, FileNotFoundError, ValueError):
            return None
        files = [file for file in index.files if is_plain(file)]
        devices = [d for d in index.devices if isinstance(d.get("id"), str)]
        return Mirror(index.instance_id, files, devices)

    def missing(self) -> list[str]:
        """Return the files of the current index that are not there in the right size."""
        index = self._read(INDEX)
        return (
            [file.path for file in index.files if not self._is_there(file)]
            if index
            else []
        )

    def _is_there(self, file: MirrorFile) -> bool:
        try:
            stat = (self.folder / file.path).lstat()
        except OSError:
            return False
        return stat.st_size == file.size

    def has(self, file: MirrorFile) -> bool:
        """Return whether it is there; its sum is made anew only where it was touched."""
        path = self.folder / file.path
        try:
            stat = path.lstat()
            seen = (file.sha256, stat.st_size, stat.st_mtime_ns)
            if stat.st_size != file.size:
                return False
            if self._right.get(file.path) == seen:
                return True
            actual = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            return False
        if actual == file.sha256:
            self._right[file.path] = seen
        return actual == file.sha256

    def content(self, file: MirrorFile) -> bytes | None:
        """Return a file as it was saved; None where it is no more."""
        return (self.folder / file.path).read_bytes() if self.has(file) else None

    def begin(self) -> UnfinishedFile:
        """Begin a file."""
        unfinished = self.folder / UNFINISHED
        for folder in (self.folder, unfinished):
            folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            folder.chmod(_FOLDER_MODE)
        self._started += 1
        return UnfinishedFile(unfinished / f"{self._started}.part")

    def place(self, index: Mirror, finished: Mapping[str, Path]) -> None:
        """Put finished files to where they belong, say so, and only then remove others."""
        for name, path in finished.items():
            path.replace(self.folder / name)
        current = self._read(INDEX)
        is_other = current and current.instance_id != index.instance_id
        if current and is_other and is_plain_id(current.instance_id):
            self._write(f"index.{current.instance_id}.json", current)
        self._write(INDEX, index)
        self._take_out(index)
        self._remove_others()

    def forget(self, instance_id: str) -> None:
        """Remove what a core left behind that is gone."""
        for name, index in self._named():
            if index.instance_id == instance_id:
                (self.folder / name).unlink()
        self._remove_others()

    def clean(self) -> None:
        """Remove what an earlier attempt did not finish."""
        with contextlib.suppress(FileNotFoundError):
            for path in (self.folder / UNFINISHED).iterdir():
                path.unlink()

    def _named(self) -> Iterator[tuple[str, Mirror]]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return
        for name in names:
            if _INDEX_NAME.fullmatch(name) and (index := self._read(name)) is not None:
                yield name, index

    def _write(self, name: str, index: Mirror) -> None:
        content: dict[str, Any] = {
            "instance_id": index.instance_id,
            "devices": index.devices,
            "files": [file.as_dict() for file in index.files],
        }
        unfinished = self.begin()
        try:
            unfinished.write(json.dumps(content).encode())
            unfinished.finish()
        finally:
            unfinished.close()
        unfinished.path.replace(self.folder / name)

    def _take_out(self, index: Mirror) -> None:
        """Take devices that the current core has out of what others left behind."""
        here = device_ids(index)
        for name, other in self._named():
            if name == INDEX:
                continue
            left = device_ids(other) - here
            if not left or other.instance_id == index.instance_id:
                (self.folder / name).unlink()
            elif left != device_ids(other):
                self._write(name, only(other, left))

    def _remove_others(self) -> None:
        """Remove files that no index names."""
        wanted = {file.path for index in self.read() for file in index.files}
        for path in self.folder.iterdir():
            is_file = path.is_file() or path.is_symlink()
            if (
                is_file
                and path.name not in wanted
                and not _INDEX_NAME.fullmatch(path.name)
            ):
                path.unlink()
                self._right.pop(path.name, None)
        self.clean()

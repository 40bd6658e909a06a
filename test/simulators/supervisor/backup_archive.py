"""Writes, describes and unpacks backups as the Supervisor does, with its own library.

Usage: python backup_archive.py write|describe|unpack, with a JSON object on stdin.
"""

import io
import json
from pathlib import Path, PurePath
import shutil
import sys
import tarfile
from tempfile import TemporaryDirectory
import time
from typing import Any

from securetar import (
    InvalidPasswordError,
    SecureTarArchive,
    SecureTarFile,
    SecureTarReadError,
    atomic_contents_add,
)

EXCLUDED = ("backups/*.tar", "tmp_backups/*.tar", "*.log", "*.log.*", "__pycache__/*")
DATABASE = ("home-assistant_v2.db", "home-assistant_v2.db-wal")
# What of Home Assistant's folder is not part of it, and stays.
KEPT = ("backups",)
WRONG_PASSWORD = 3


def add_json(archive: tarfile.TarFile, name: str, document: object) -> None:
    """Add a small document to an archive."""
    raw = json.dumps(document).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(raw)
    entry.mtime = int(time.time())
    archive.addfile(entry, io.BytesIO(raw))


def read_member(archive: tarfile.TarFile, name: str) -> Any:
    """Open a member, whose name may or may not begin with a dot."""
    names = {str(PurePath(member.name)): member for member in archive.getmembers()}
    return archive.extractfile(names[name])


def write(wanted: dict[str, Any]) -> None:
    """Write a backup: other than Home Assistant itself, with the description at the end."""
    description = wanted["description"]
    home_assistant = description.get("homeassistant")

    def excluded(path: PurePath) -> bool:
        patterns = EXCLUDED
        if home_assistant and home_assistant["exclude_database"]:
            patterns += DATABASE
        return any(path.full_match(f"data/{pattern}") for pattern in patterns)

    with SecureTarArchive(
        Path(wanted["path"]), "w", create_version=3, password=wanted["password"]
    ) as archive:
        if home_assistant:
            with archive.create_tar("./homeassistant.tar.gz", gzip=True) as inner:
                folder = Path(wanted["config_dir"])
                atomic_contents_add(inner, folder, file_filter=excluded, arcname="data")
                add_json(inner, "./homeassistant.json", {})
        with archive.create_tar("./supervisor.tar.gz", gzip=True) as inner:
            add_json(inner, "./docker.json", {"registries": {}})
        add_json(archive.tar, "./backup.json", description)


def describe(wanted: dict[str, Any]) -> None:
    """Print the description that is in a backup."""
    with tarfile.open(wanted["path"]) as archive:
        sys.stdout.write(read_member(archive, "backup.json").read().decode())


def unpack(wanted: dict[str, Any]) -> None:
    """Put Home Assistant's folder back as it was, or only try the password."""
    with TemporaryDirectory() as room, tarfile.open(wanted["path"]) as archive:
        try:
            with SecureTarFile(
                fileobj=read_member(archive, "homeassistant.tar.gz"),
                gzip=True,
                password=wanted["password"],
            ) as inner:
                inner.extractall(room, filter="tar")
        except (InvalidPasswordError, SecureTarReadError, tarfile.ReadError):
            sys.exit(WRONG_PASSWORD)
        if "config_dir" not in wanted:
            return
        folder = Path(wanted["config_dir"])
        for entry in folder.iterdir():
            if entry.name in KEPT:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        shutil.copytree(Path(room, "data"), folder, dirs_exist_ok=True)


COMMANDS = {"write": write, "describe": describe, "unpack": unpack}
COMMANDS[sys.argv[1]](json.load(sys.stdin))

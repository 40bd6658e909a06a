"""Writes a backup as the Supervisor does: with its own library, and with the description at the end.

Usage: python write_backup.py, with a JSON object on stdin: path, config_dir, password, description.
"""

import io
import json
from pathlib import Path, PurePath
import sys
import tarfile
import time

from securetar import SecureTarArchive, atomic_contents_add

EXCLUDED = (
    "backups/*.tar",
    "tmp_backups/*.tar",
    "*.log",
    "*.log.*",
    "core.sock",
    "__pycache__/*",
)
DATABASE = ("home-assistant_v2.db", "home-assistant_v2.db-wal")


def add_json(archive: tarfile.TarFile, name: str, document: object) -> None:
    """Add a small document to an archive."""
    raw = json.dumps(document).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(raw)
    entry.mtime = int(time.time())
    archive.addfile(entry, io.BytesIO(raw))


def main() -> None:
    """Write what stdin asks for."""
    wanted = json.load(sys.stdin)
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
                atomic_contents_add(
                    inner,
                    Path(wanted["config_dir"]),
                    file_filter=excluded,
                    arcname="data",
                )
                add_json(inner, "./homeassistant.json", {})
        with archive.create_tar("./supervisor.tar.gz", gzip=True) as inner:
            add_json(inner, "./docker.json", {"registries": {}})
        add_json(archive.tar, "./backup.json", description)


main()

"""The configurations of devices in Home Assistant's own configuration, for its backups."""

import asyncio
from collections.abc import Iterator
import errno
import json
from pathlib import Path
import stat
import threading
from typing import Any

from aiohttp import web
from homeassistant.components.backup import async_get_manager
from homeassistant.components.repairs import DOMAIN as REPAIRS_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.homestash import (
    backup as platform,
)
from custom_components.homestash import (
    device_files,
    device_follower,
    device_mirror,
)

from .conftest import Setup
from .fake_core import INSTANCE_ID, FakeCore, FakeDevice, cut, problem
from .helpers import eventually
from .test_repairs import Fixing, issues

CONFIG = b'{"led": 30}'
PRESETS = b'{"1": "Evening"}'
SHELF = {"Shelf_device1_cfg.json": CONFIG, "Shelf_device1_presets.json": PRESETS}
DESK = {"Desk_device2_cfg.json": b'{"led": 5}'}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_follower, "QUIET_SECONDS", 0.02)
    monkeypatch.setattr(device_follower, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def folder(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return the folder, in a configuration that only this test uses."""
    monkeypatch.setattr(hass.config, "config_dir", str(tmp_path))
    return tmp_path / ".storage" / "homestash"


@pytest.fixture
def core(core: FakeCore, folder: Path) -> FakeCore:
    """Have two devices."""
    core.devices = {
        "device1": FakeDevice("Shelf", dict(SHELF)),
        "device2": FakeDevice("Desk", dict(DESK), "artefact2", "device2"),
    }
    return core


def held(folder: Path) -> dict[str, bytes]:
    """Return what is kept, without indexes."""
    if not folder.exists():
        return {}
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith("index.")
    }


def index(folder: Path, name: str = "index.json") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / name).read_text())
    return content


def modes(folder: Path) -> set[int]:
    """Return the modes of the folder and of the files in it."""
    files = [path for path in folder.iterdir() if path.is_file()]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    return {stat.S_IMODE(path.stat().st_mode) for path in (folder, *files)}


def write(path: Path, content: str) -> None:
    """Write a file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


async def kept(folder: Path, files: dict[str, bytes]) -> None:
    """Wait until exactly these files are there, and the index names them."""

    def is_so() -> bool:
        if not (folder / "index.json").exists() or held(folder) != files:
            return False
        return {file["path"] for file in index(folder)["files"]} == set(files)

    await eventually(is_so)


async def rounds(core: FakeCore, more: int = 1) -> None:
    """Wait until the core was asked again, and the answer was dealt with."""
    before = core.count("GET", "/devices/mirror")
    core.emit({"event": "devices_changed"})
    await eventually(lambda: core.count("GET", "/devices/mirror") >= before + more)
    await eventually(lambda: core.count("GET", "/devices") >= before + more)
    await asyncio.sleep(0.1)


async def test_what_is_saved_is_there_for_nobody_else_to_read(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    assert modes(folder) == {0o700, 0o600}
    assert list((folder / "unfinished").iterdir()) == []
    described = index(folder)
    assert described["instance_id"] == INSTANCE_ID
    assert described["devices"] == core.mirror()["devices"]
    assert described["files"] == core.mirror()["files"]


async def test_what_changes_is_replaced_and_the_rest_is_left_alone(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    before = (folder / "Desk_device2_cfg.json").stat()
    changed = {"Shelf_device1_cfg.json": b"{}", "Shelf_device1_new.json": PRESETS}
    core.devices["device1"] = FakeDevice("Shelf", changed, "artefact3")
    core.emit({"event": "devices_changed"})
    await kept(folder, changed | DESK)
    assert (folder / "Desk_device2_cfg.json").stat().st_ino == before.st_ino
    assert core.count("GET", "/files/1") == 3


async def test_nothing_is_written_where_nothing_changed(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    before = (folder / "index.json").stat()
    await rounds(core)
    assert (folder / "index.json").stat().st_ino == before.st_ino


async def test_device_that_is_removed_goes(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    del core.devices["device1"]
    core.emit({"event": "devices_changed"})
    await kept(folder, DESK)


async def test_core_without_any_device_takes_nothing_away(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    core.devices = {}
    await rounds(core)
    assert held(folder) == SHELF | DESK
    assert len(index(folder)["files"]) == 3


async def test_core_that_lost_what_it_saved_takes_nothing_away(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    core.devices["device1"].files = {}
    core.devices["device2"] = FakeDevice("Desk", {"Desk_2.json": b"2"}, "a3", "device2")
    core.emit({"event": "devices_changed"})
    await kept(folder, SHELF | {"Desk_2.json": b"2"})
    names = [device["name"] for device in index(folder)["devices"]]
    assert sorted(names) == ["Desk", "Shelf"]


@pytest.mark.parametrize("answer", ["away", "error", "other", "nonsense"])
async def test_core_that_does_not_answer_well_takes_nothing_away(
    core: FakeCore, connected: None, folder: Path, answer: str
) -> None:
    await kept(folder, SHELF | DESK)
    answers = {
        "away": lambda: problem("shutting_down", 503),
        "error": lambda: problem("internal"),
        "other": lambda: web.json_response(
            {"instance_id": "another", "files": [], "devices": []}
        ),
        "nonsense": lambda: web.json_response({"files": "none"}),
    }
    core.always("GET mirror", answers[answer])
    before = core.count("GET", "/devices/mirror")
    core.emit({"event": "devices_changed"})
    await eventually(lambda: core.count("GET", "/devices/mirror") > before)
    await asyncio.sleep(0.05)
    assert held(folder) == SHELF | DESK


async def test_core_that_comes_back_is_read_again(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    core.restart()
    core.hang_up()
    core.devices["device3"] = FakeDevice("Lamp", {"Lamp.json": b"3"}, "a", "device3")
    await kept(folder, SHELF | DESK | {"Lamp.json": b"3"})


def answer_with(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/octet-stream")


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(DESK))})
    await response.prepare(request)
    await response.write(b"{")
    cut(request)
    return response


@pytest.mark.parametrize(
    "hook",
    [
        answer_with(b'{"led": 6}'),
        answer_with(b'{"led"'),
        answer_with(b'{"led": 5}' * 9),
        problem("not_found", 404),
        _cut,
    ],
    ids=["wrong sum", "cut short", "too long", "not there", "broken off"],
)
async def test_file_that_does_not_arrive_whole_is_not_there_and_is_tried_again(
    core: FakeCore,
    setup: Setup,
    folder: Path,
    hook: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(device_follower, "RETRY_SECONDS", 0.3)
    # Asked for last, since the other device comes before it.
    core.devices["device2"] = FakeDevice("Desk", dict(DESK), "artefact2", "device2")
    seen = 0

    async def answer(request: web.Request) -> web.StreamResponse | None:
        nonlocal seen
        core.hooks["GET 1"].append(answer)
        if "device2" not in request.path or (seen := seen + 1) > 1:
            return None
        return await hook(request) if callable(hook) else hook

    core.hooks["GET 1"] = [answer]
    await setup()
    await kept(folder, SHELF)
    assert caplog.text.count("What was saved of Desk is not kept") == 1
    await kept(folder, SHELF | DESK)
    assert list((folder / "unfinished").iterdir()) == []


async def test_core_that_goes_away_is_not_asked_for_every_file(
    core: FakeCore, setup: Setup, folder: Path
) -> None:
    for number in range(3, 10):
        name = f"device{number}"
        core.devices[name] = FakeDevice(name, {f"{name}.json": b"x"}, "a", name)

    async def answer(request: web.Request) -> web.StreamResponse:
        core.hooks["GET 1"].append(answer)
        cut(request)
        return web.Response()

    core.hooks["GET 1"] = [answer]
    await setup()
    await eventually(lambda: core.count("GET", "/files/1") >= 3)
    await asyncio.sleep(0.1)
    # aiohttp itself repeats a request on a connection that was used before
    assert core.count("GET", "/files/1") <= 6
    assert held(folder) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../outside"},
        {"path": "/etc/passwd"},
        {"path": "a/b"},
        {"path": ".hidden"},
        {"path": ""},
        {"path": "index.json"},
        {"path": "index.another.json"},
        {"path": "unfinished"},
        {"path": "x" * 201},
        {"path": "null\0"},
        {"path": "umlaut-ä"},
        {"size": 5 * 1024 * 1024 + 1},
        {"size": -1},
        {"sha256": "../../x"},
        {"path": "Desk_device2_cfg.json"},
    ],
)
async def test_what_leads_elsewhere_or_is_too_large_is_refused(
    core: FakeCore, setup: Setup, folder: Path, change: dict[str, Any]
) -> None:
    mirror = core.mirror()
    mirror["files"][0] |= change
    mirror["files"].sort(key=lambda file: file["device_id"], reverse=True)
    mirror["devices"].reverse()
    core.always("GET mirror", lambda: web.json_response(mirror))
    await setup()
    await kept(folder, DESK)
    outside = {path.name for path in folder.parent.parent.iterdir()}
    assert outside <= {".storage", "backups", "tmp_backups"}


async def test_all_together_have_a_limit(
    core: FakeCore, setup: Setup, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from custom_components.homestash import device_collection

    monkeypatch.setattr(device_collection, "MAX_BYTES", len(CONFIG + PRESETS) + 1)
    await setup()
    await kept(folder, SHELF)
    # What is carried over must have room, too.
    core.devices = {
        "device1": FakeDevice("Shelf", {}),
        "device2": FakeDevice("Desk", dict(DESK), "artefact2", "device2"),
    }
    core.emit({"event": "devices_changed"})
    await kept(folder, DESK)


async def test_what_has_become_too_large_is_not_kept_as_it_was(
    core: FakeCore, setup: Setup, folder: Path
) -> None:
    await setup()
    await kept(folder, SHELF | DESK)
    mirror = core.mirror()
    mirror["files"] = [f for f in mirror["files"] if f["device_id"] == "device2"]
    core.always("GET mirror", lambda: web.json_response(mirror))
    core.emit({"event": "devices_changed"})
    await kept(folder, DESK)


async def test_full_disk_is_told_once_and_mended_by_itself(
    hass: HomeAssistant,
    core: FakeCore,
    setup: Setup,
    entry: MockConfigEntry,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(device_files.UnfinishedFile, "write", full)
        await setup()
        await eventually(lambda: "devices_not_kept" in issues(hass))
        await rounds(core)
    values = issues(hass)["devices_not_kept"].translation_placeholders
    assert values == {"path": str(folder), "reason": "No space left on device"}
    assert caplog.text.count("Files of devices cannot be kept") == 1
    assert held(folder) == {}
    assert entry.runtime_data.connected
    core.emit({"event": "devices_changed"})
    await kept(folder, SHELF | DESK)
    await eventually(lambda: issues(hass) == {})


async def test_file_that_rotted_or_vanished_is_fetched_again(
    core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    (folder / "Shelf_device1_cfg.json").write_bytes(b'{"led": 31}')
    (folder / "Desk_device2_cfg.json").unlink()
    core.emit({"event": "devices_changed"})
    await kept(folder, SHELF | DESK)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files":[{}]}'])
async def test_index_that_is_none_is_made_anew(
    core: FakeCore, setup: Setup, folder: Path, content: str
) -> None:
    write(folder / "index.json", content)
    write(folder / "leftover.json", "x")
    write(folder / "unfinished" / "1.part", "half")
    await setup()
    await kept(folder, SHELF | DESK)
    assert list((folder / "unfinished").iterdir()) == []


# Around a backup


async def test_backup_with_everything_there_says_nothing(
    hass: HomeAssistant, core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    manager = async_get_manager(hass)
    assert manager.platforms["homestash"] is platform
    requests = len(core.requests)
    await manager.async_pre_backup_actions()
    await manager.async_post_backup_actions()
    assert len(core.requests) == requests
    assert issues(hass) == {}


async def test_what_is_missing_is_told_after_the_backup_and_mended(
    hass: HomeAssistant, core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    (folder / "Desk_device2_cfg.json").unlink()
    (folder / "Shelf_device1_cfg.json").write_bytes(b"half")
    core.always("GET mirror", lambda: problem("internal"))
    await platform.async_pre_backup(hass)
    assert issues(hass) == {}
    await platform.async_post_backup(hass)
    issue = issues(hass)["devices_missing"]
    assert issue.translation_placeholders == {"count": "2"}
    core.hooks.clear()
    core.emit({"event": "devices_changed"})
    await kept(folder, SHELF | DESK)
    await eventually(lambda: issues(hass) == {})


async def test_missing_files_are_fetched_without_being_asked(
    hass: HomeAssistant, core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    (folder / "Desk_device2_cfg.json").unlink()
    await platform.async_pre_backup(hass)
    await platform.async_post_backup(hass)
    await kept(folder, SHELF | DESK)


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Return what ends a disk that hangs."""
    end = threading.Event()
    yield end
    end.set()


async def test_disk_that_hangs_does_not_hold_a_backup_up(
    hass: HomeAssistant,
    core: FakeCore,
    connected: None,
    folder: Path,
    hanging: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await kept(folder, SHELF | DESK)
    assert device_mirror.CHECK_SECONDS <= 5
    monkeypatch.setattr(device_mirror, "CHECK_SECONDS", 0.05)

    def hang(_self: object) -> list[str]:
        hanging.wait(10)
        return ["something"]

    monkeypatch.setattr(device_files.DeviceFiles, "missing", hang)
    async with asyncio.timeout(2):
        await platform.async_pre_backup(hass)
        await platform.async_post_backup(hass)
    assert issues(hass) == {}
    hanging.set()


async def test_check_that_fails_fails_no_backup(
    hass: HomeAssistant,
    core: FakeCore,
    connected: None,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_self: object) -> list[str]:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(device_files.DeviceFiles, "missing", fail)
    await platform.async_pre_backup(hass)
    await platform.async_post_backup(hass)
    assert issues(hass) == {}


async def test_backup_of_a_home_without_entry_is_left_alone(
    hass: HomeAssistant,
) -> None:
    await platform.async_pre_backup(hass)
    await platform.async_post_backup(hass)


async def test_folder_is_left_alone_while_a_backup_is_made(
    hass: HomeAssistant, core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    await platform.async_pre_backup(hass)
    del core.devices["device1"]
    await rounds(core)
    assert held(folder) == SHELF | DESK
    await platform.async_post_backup(hass)
    await kept(folder, DESK)


async def test_backup_whose_end_is_not_told_is_over_some_time(
    hass: HomeAssistant,
    core: FakeCore,
    connected: None,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await kept(folder, SHELF | DESK)
    monkeypatch.setattr(device_mirror, "LONGEST_BACKUP_SECONDS", 0.2)
    await platform.async_pre_backup(hass)
    del core.devices["device1"]
    core.emit({"event": "devices_changed"})
    await kept(folder, DESK)


# After a restore on another machine


def leave(folder: Path, instance: str, name: str = "index.json") -> dict[str, bytes]:
    """Have what a core left behind that is gone."""
    lost = [
        FakeDevice("Hall", {"Hall_old1_cfg.json": b"hall"}, "old", "old1"),
        FakeDevice("Roof", {"Roof_old2_cfg.json": b"roof"}, "old", "old2"),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "instance_id": instance,
        "devices": [device.described() for device in lost],
        "files": [file for device in lost for file in device.mirrored()],
    }
    (folder / name).write_text(json.dumps(content))
    files = {name: data for device in lost for name, data in device.files.items()}
    for path, data in files.items():
        (folder / path).write_bytes(data)
    return files


@pytest.fixture
def lost(folder: Path, core: FakeCore) -> dict[str, bytes]:
    """Have what another core left behind, and a core without devices."""
    core.devices = {}
    return leave(folder, "gone")


@pytest.fixture
async def fixing(
    hass: HomeAssistant,
    lost: dict[str, bytes],
    connected: None,
    hass_client: ClientSessionGenerator,
) -> Fixing:
    assert await async_setup_component(hass, REPAIRS_DOMAIN, {})
    return Fixing(await hass_client())


async def offer(hass: HomeAssistant) -> str:
    """Wait for the offer and return its id."""
    await eventually(lambda: "devices_held" in issues(hass))
    return issues(hass)["devices_held"].issue_id


async def test_devices_of_a_core_that_is_gone_are_taken_over(
    hass: HomeAssistant,
    core: FakeCore,
    fixing: Fixing,
    folder: Path,
    lost: dict[str, bytes],
) -> None:
    issue_id = await offer(hass)
    issue = issues(hass)["devices_held"]
    assert issue.is_fixable
    values = {"count": "2", "name": "Attic", "names": "Hall, Roof"}
    assert issue.translation_placeholders == values
    assert held(folder) == lost
    step = await fixing.begin(issue_id)
    assert step["menu_options"] == ["take_over", "throw_away"]
    assert step["description_placeholders"] == values
    done = await fixing.submit({"next_step_id": "take_over"})
    assert done["type"] == "create_entry"
    back = {"Hall_old1_back0.json": b"hall", "Roof_old2_back0.json": b"roof"}
    assert {n: c for d in core.devices.values() for n, c in d.files.items()} == back
    await kept(folder, back)
    assert index(folder)["instance_id"] == INSTANCE_ID
    assert not (folder / "index.gone.json").exists()
    assert issues(hass) == {}


async def test_offer_waits_while_the_new_core_gets_devices_of_its_own(
    hass: HomeAssistant,
    core: FakeCore,
    fixing: Fixing,
    folder: Path,
    lost: dict[str, bytes],
) -> None:
    await offer(hass)
    core.devices["device1"] = FakeDevice("Shelf", dict(SHELF))
    core.emit({"event": "devices_changed"})
    await eventually(lambda: held(folder) == lost | SHELF)
    await eventually(lambda: index(folder)["instance_id"] == INSTANCE_ID)
    assert index(folder, "index.gone.json")["instance_id"] == "gone"
    step = await fixing.begin(await offer(hass))
    assert step["type"] == "menu"
    done = await fixing.submit({"next_step_id": "take_over"})
    assert done["type"] == "create_entry"
    await eventually(lambda: not (folder / "index.gone.json").exists())
    assert len(held(folder)) == 4


async def test_what_is_held_is_thrown_away_when_a_person_says_so(
    hass: HomeAssistant, core: FakeCore, fixing: Fixing, folder: Path
) -> None:
    await fixing.begin(await offer(hass))
    step = await fixing.submit({"next_step_id": "throw_away"})
    assert (step["type"], step["step_id"]) == ("form", "throw_away")
    assert held(folder) != {}
    done = await fixing.submit({})
    assert done["type"] == "create_entry"
    assert held(folder) == {}
    assert not (folder / "index.json").exists()
    assert issues(hass) == {}
    await rounds(core)
    assert issues(hass) == {}


async def test_what_is_damaged_or_refused_stays_and_is_told(
    hass: HomeAssistant, core: FakeCore, fixing: Fixing, folder: Path
) -> None:
    (folder / "Hall_old1_cfg.json").write_bytes(b"rott")
    await fixing.begin(await offer(hass))
    done = await fixing.submit({"next_step_id": "take_over"})
    assert (done["type"], done["reason"]) == ("abort", "some_taken_over")
    assert done["description_placeholders"] == {"taken": "1", "left": "1"}
    assert [d["name"] for d in index(folder, "index.gone.json")["devices"]] == ["Hall"]
    assert set(held(folder)) == {"Hall_old1_cfg.json", "Roof_old2_back0.json"}
    values = issues(hass)["devices_held"].translation_placeholders or {}
    assert values["count"] == "1"

    await fixing.begin(await offer(hass))
    done = await fixing.submit({"next_step_id": "take_over"})
    assert (done["type"], done["reason"]) == ("abort", "none_taken_over")
    assert "Hall_old1_cfg.json" in held(folder)


async def test_core_that_refuses_a_file_gets_the_others(
    hass: HomeAssistant, core: FakeCore, fixing: Fixing, folder: Path
) -> None:
    roof = index(folder)["files"][1]["sha256"]
    core.once(f"PUT {roof}", problem("archive_mismatch", 422))
    await fixing.begin(await offer(hass))
    done = await fixing.submit({"next_step_id": "take_over"})
    assert done["reason"] == "some_taken_over"
    assert list(core.devices) == ["old1"]


async def test_core_that_goes_away_meanwhile_takes_nothing_away(
    hass: HomeAssistant,
    core: FakeCore,
    fixing: Fixing,
    folder: Path,
    lost: dict[str, bytes],
) -> None:
    await fixing.begin(await offer(hass))
    core.once("POST adoptions", problem("internal"))
    done = await fixing.submit({"next_step_id": "take_over"})
    assert (done["type"], done["reason"]) == ("abort", "core_problem")
    await fixing.begin(await offer(hass))
    core.always(
        f"PUT {index(folder)['files'][0]['sha256']}", lambda: web.Response(status=503)
    )
    done = await fixing.submit({"next_step_id": "take_over"})
    assert (done["type"], done["reason"]) == ("abort", "core_unreachable")
    assert held(folder) == lost
    assert "devices_held" in issues(hass)


async def test_many_devices_are_offered_in_portions(
    hass: HomeAssistant,
    core: FakeCore,
    fixing: Fixing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from custom_components.homestash import device_adoption

    monkeypatch.setattr(device_adoption, "MOST_AT_ONCE", 10)
    await fixing.begin(await offer(hass))
    done = await fixing.submit({"next_step_id": "take_over"})
    assert done["type"] == "create_entry"
    assert core.count("POST", "/adoptions") == 2
    assert set(core.devices) == {"old1", "old2"}


async def test_form_says_what_is_in_the_way(
    hass: HomeAssistant,
    core: FakeCore,
    fixing: Fixing,
    folder: Path,
    entry: MockConfigEntry,
) -> None:
    issue_id = await offer(hass)
    await platform.async_pre_backup(hass)
    assert (await fixing.begin(issue_id))["reason"] == "backup_under_way"
    await platform.async_post_backup(hass)
    content = (folder / "index.json").read_bytes()
    (folder / "index.json").unlink()
    assert (await fixing.begin(issue_id))["reason"] == "nothing_held"
    (folder / "index.json").write_bytes(content)
    assert (await fixing.begin(issue_id))["type"] == "menu"
    await hass.config_entries.async_unload(entry.entry_id)
    done = await fixing.submit({"next_step_id": "take_over"})
    assert done["reason"] == "entry_not_loaded"
    assert (await fixing.begin(issue_id))["reason"] == "entry_not_loaded"


async def test_offer_goes_with_the_entry_and_what_is_held_stays(
    hass: HomeAssistant,
    core: FakeCore,
    fixing: Fixing,
    folder: Path,
    entry: MockConfigEntry,
    lost: dict[str, bytes],
) -> None:
    await offer(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    assert issues(hass) == {}
    assert held(folder) == lost


async def test_same_core_is_offered_nothing_that_was_removed_there(
    hass: HomeAssistant, core: FakeCore, setup: Setup, folder: Path
) -> None:
    leave(folder, INSTANCE_ID)
    await setup()
    await kept(folder, SHELF | DESK)
    assert issues(hass) == {}


async def test_core_that_knows_one_of_the_devices_is_offered_none(
    hass: HomeAssistant, core: FakeCore, setup: Setup, folder: Path
) -> None:
    lost = leave(folder, "gone")
    core.devices["old1"] = FakeDevice("Hall", {}, "a", "old1")
    await setup()
    await eventually(lambda: held(folder) == lost | SHELF | DESK)
    assert issues(hass) == {}


async def test_two_cores_of_one_home_do_not_take_from_each_other(
    hass: HomeAssistant, core: FakeCore, connected: None, folder: Path
) -> None:
    await kept(folder, SHELF | DESK)
    other = FakeCore()
    other.info["instance_id"] = "second"
    other.info["name"] = "Cellar"
    other.devices = {"p": FakeDevice("Pump", {"Pump_p.json": b"p"}, "a", "p")}
    await other.start()
    data = {
        "url": other.url,
        "token": "token-of-the-test",
        "token_id": "tokenid1",
        "info": {},
        "targets": [],
    }
    second = MockConfigEntry(
        domain="homestash", title="Cellar", unique_id="second", data=data
    )
    second.add_to_hass(hass)
    try:
        assert await hass.config_entries.async_setup(second.entry_id)
        both = SHELF | DESK | {"Pump_p.json": b"p"}
        await eventually(lambda: held(folder) == both)
        await eventually((folder / f"index.{INSTANCE_ID}.json").exists)
        assert issues(hass) == {}
        await rounds(core)
        assert held(folder) == both
        assert index(folder)["instance_id"] == INSTANCE_ID
        assert index(folder, "index.second.json")["instance_id"] == "second"
        assert not (folder / f"index.{INSTANCE_ID}.json").exists()
    finally:
        await hass.config_entries.async_unload(second.entry_id)
        await eventually(lambda: other.listeners == 0)
        await other.stop()
    assert other.complaints == []


# When it is done


async def test_many_changes_are_one(
    core: FakeCore, connected: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(folder, SHELF | DESK)
    monkeypatch.setattr(device_follower, "QUIET_SECONDS", 0.15)
    before = core.count("GET", "/devices/mirror")
    for _ in range(10):
        core.emit({"event": "devices_changed"})
        await asyncio.sleep(0.02)
    assert core.count("GET", "/devices/mirror") == before
    await eventually(lambda: core.count("GET", "/devices/mirror") == before + 1)
    await asyncio.sleep(0.3)
    assert core.count("GET", "/devices/mirror") == before + 1


async def test_changes_without_an_end_are_not_waited_for(
    core: FakeCore, connected: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(folder, SHELF | DESK)
    monkeypatch.setattr(device_follower, "QUIET_SECONDS", 60)
    monkeypatch.setattr(device_follower, "LONGEST_QUIET_SECONDS", 0.2)
    core.devices.pop("device1")
    core.emit({"event": "devices_changed"})
    await kept(folder, DESK)


def test_the_pace_is_the_one_that_was_promised() -> None:
    source = Path(device_follower.__file__).read_text()
    assert "QUIET_SECONDS: Final = 5.0" in source
    assert "PAUSE_SECONDS: Final = 60.0" in source

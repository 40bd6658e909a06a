"""Uploads: sums compared, nothing half-done left, one second try after a restart."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from homeassistant.components.backup import (
    AgentBackup,
    BackupAgent,
    BackupAgentError,
    BackupReaderWriterError,
)
from homeassistant.components.backup.agent import BackupAgentUnreachableError
import pytest

from custom_components.homestash import sender, upload
from custom_components.homestash.contract import UploadSum

from .fake_core import FakeCore, cut, problem
from .helpers import Source, eventually

MIB = 2**20
KEY = ("target1", "abc123ef")


async def send(agent: BackupAgent, backup: AgentBackup, source: Source, **more: Any):
    await agent.async_upload_backup(open_stream=source.open, backup=backup, **more)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b"small"],
        [b"a" * MIB, b"", bytearray(b"b" * 5), memoryview(b"ccc"), b"d" * (3 * MIB)],
        [b"x" * (24 * MIB)],
    ],
)
async def test_upload(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup, chunks: list[Any]
) -> None:
    source = Source(chunks)
    seen: list[int] = []
    await send(
        agent,
        backup,
        source,
        on_progress=lambda *, bytes_uploaded, **_: seen.append(bytes_uploaded),
    )
    stored, content = core.stored[KEY]
    assert content == source.content
    assert stored["backup"] == {**backup.as_dict(), "size": len(content)}
    assert (source.opened, source.closed) == (1, 1)
    assert core.uploads == {}
    assert seen == sorted(seen)
    assert seen[-1:] == ([len(content)] if content else [])


async def test_upload_without_progress_as_home_assistant_2026_3_does(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    await send(agent, backup, Source([b"x"]), something_new=True)
    assert KEY in core.stored


async def test_checksum_mismatch(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def lie(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(UploadSum(5, "00000000").as_dict())

    core.once("PUT archive", lie)
    source = Source([b"right"])
    with pytest.raises(BackupAgentError) as caught:
        await send(agent, backup, source)
    assert caught.value.translation_key == "archive_mismatch"
    assert caught.value.translation_placeholders["actual"] == "00000000"
    assert source.closed == 1
    assert core.uploads == {}
    assert core.stored == {}


@pytest.mark.parametrize("name", ["POST uploads", "PUT archive", "POST commit"])
async def test_problems_on_the_way(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup, name: str
) -> None:
    core.once(name, problem("target_full", 507))
    source = Source([b"x" * MIB] * 8)
    with pytest.raises(BackupAgentError) as caught:
        await send(agent, backup, source)
    assert caught.value.translation_key == "target_full"
    assert source.opened == source.closed
    assert core.uploads == {}
    assert core.stored == {}


async def test_early_answer_is_seen_while_sending(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return problem("target_forbidden", 502, operation="PutObject")

    core.once("chunk", refuse)
    source = Source([b"x" * MIB] * 64)
    with pytest.raises(BackupAgentError) as caught:
        await send(agent, backup, source)
    assert caught.value.translation_key == "target_forbidden"
    assert caught.value.translation_placeholders == {"operation": "PutObject"}
    assert source.closed == 1
    assert core.count("POST", "/uploads") == 1


async def test_early_answer_that_got_lost_is_asked_for(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def refuse(request: web.Request) -> None:
        asyncio.get_running_loop().call_later(0.03, core.fail, "target_full")
        cut(request)

    core.once("chunk", refuse)
    source = Source([b"x" * MIB] * 64)
    with pytest.raises(BackupAgentError) as caught:
        await send(agent, backup, source)
    assert caught.value.translation_key == "target_full"
    assert core.count("POST", "/uploads") == 1
    assert core.uploads == {}


async def test_restart_in_the_middle_gets_a_second_try(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def restart(request: web.Request) -> None:
        core.restart()
        cut(request)

    core.once("chunk", restart)
    source = Source([b"x" * MIB] * 64)
    await send(agent, backup, source)
    assert core.stored[KEY][1] == source.content
    assert (source.opened, source.closed) == (2, 2)


async def test_cut_without_a_restart_discards_the_first_try(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def break_off(request: web.Request) -> None:
        cut(request)

    core.once("chunk", break_off)
    source = Source([b"x" * MIB] * 16)
    await send(agent, backup, source)
    assert core.stored[KEY][1] == source.content
    assert core.count("DELETE", "/uploads/upload1") == 1
    assert core.uploads == {}


async def test_operation_that_nobody_knows_any_more(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def forget(request: web.Request) -> None:
        core.operations.clear()
        core.operations["other"] = {"state": "running", "problem": None}
        core.uploads.clear()
        cut(request)

    core.once("chunk", forget)
    source = Source([b"x" * MIB] * 16)
    await send(agent, backup, source)
    assert source.opened == 2


@pytest.mark.parametrize("answer", [("shutting_down", 503), ("upload_not_found", 404)])
async def test_core_that_forgot_the_upload(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup, answer: tuple[str, int]
) -> None:
    core.once("PUT archive", problem(*answer))
    core.once("GET info", problem("shutting_down", 503))
    source = Source([b"x"])
    await send(agent, backup, source)
    assert core.stored[KEY][1] == b"x"


async def test_only_one_second_try(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def restart(request: web.Request) -> None:
        core.restart()
        cut(request)

    core.once("chunk", restart)
    core.once("chunk", restart)
    source = Source([b"x" * MIB] * 64)
    with pytest.raises(BackupAgentUnreachableError):
        await send(agent, backup, source)
    assert (source.opened, source.closed) == (2, 2)
    assert core.stored == {}


async def test_core_that_stays_away(
    core: FakeCore,
    agent: BackupAgent,
    backup: AgentBackup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def leave(request: web.Request) -> None:
        core.restart(30)
        cut(request)

    monkeypatch.setattr(upload, "RESTART_SECONDS", 0.1)
    core.once("chunk", leave)
    source = Source([b"x" * MIB] * 64)
    with pytest.raises(BackupAgentUnreachableError):
        await send(agent, backup, source)
    assert (source.opened, source.closed) == (1, 1)


async def test_away_before_the_first_byte_is_said_at_once(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    await core.stop()
    source = Source([b"x"])
    with pytest.raises(BackupAgentUnreachableError):
        await send(agent, backup, source)
    assert source.opened == 0


async def test_cut_in_the_commit_after_it_was_stored(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def store_and_cut(request: web.Request) -> web.Response:
        core.store("target1", "upload1")
        core.restart()
        cut(request)
        return web.Response()

    core.once("POST commit", store_and_cut)
    source = Source([b"x"])
    await send(agent, backup, source)
    assert core.stored[KEY][1] == b"x"
    assert source.opened == 1


@pytest.mark.parametrize("other", [b"another", None])
async def test_cut_in_the_commit_before_it_was_stored(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup, other: bytes | None
) -> None:
    if other:
        core.put("target1", backup.as_dict(), other)

    async def break_off(request: web.Request) -> web.Response:
        core.restart()
        cut(request)
        return web.Response()

    core.once("POST commit", break_off)
    source = Source([b"x"])
    await send(agent, backup, source)
    assert core.stored[KEY][1] == b"x"
    assert source.opened == 2


async def test_failing_source_is_not_taken_for_a_lost_connection(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    for error in (BackupReaderWriterError("disk"), OSError("disk"), ValueError("x")):
        source = Source([b"x" * MIB] * 4, error=error)
        with pytest.raises(type(error)) as caught:
            await send(agent, backup, source)
        assert caught.value is error
        assert source.closed == 1
        assert core.uploads == {}
        assert core.stored == {}


async def test_source_that_cannot_be_opened(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    async def open_stream() -> AsyncIterator[bytes]:
        raise BackupReaderWriterError("gone")

    with pytest.raises(BackupReaderWriterError):
        await agent.async_upload_backup(open_stream=open_stream, backup=backup)
    assert core.uploads == {}


async def test_source_that_cannot_be_closed(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    class Stream:
        def __aiter__(self):
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            raise RuntimeError("no")

    async def open_stream() -> Any:
        return Stream()

    await agent.async_upload_backup(open_stream=open_stream, backup=backup)
    assert KEY in core.stored


async def test_cancellation_cleans_up(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    source = Source([b"x" * MIB] * 4, hang=True)
    task = asyncio.ensure_future(send(agent, backup, source))
    await eventually(
        lambda: any(len(u.content) == 4 * MIB for u in core.uploads.values())
    )
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == 1
    assert core.uploads == {}
    assert core.count("DELETE", "/uploads/upload1") == 1


async def test_discarding_may_fail(
    core: FakeCore, agent: BackupAgent, backup: AgentBackup
) -> None:
    core.once("PUT archive", problem("disk_full", 507))
    core.once("DELETE *", problem("internal", 500))
    core.hooks["DELETE upload1"] = core.hooks.pop("DELETE *")
    with pytest.raises(BackupAgentError) as caught:
        await send(agent, backup, Source([b"x"]))
    assert caught.value.translation_key == "disk_full"


async def test_silence_while_sending_ends(
    core: FakeCore,
    agent: BackupAgent,
    backup: AgentBackup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "SLOWEST_STEP_SECONDS", 0.1)
    monkeypatch.setattr(sender, "SLOWEST_STEP_SECONDS", 0.1)
    source = Source([b"x"], hang=True)
    with pytest.raises(BackupAgentUnreachableError):
        await send(agent, backup, source)
    assert source.opened == source.closed == 2
    assert core.uploads == {}


async def test_request_is_never_repeated_from_its_middle() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x"

    async with asyncio.timeout(10) as idle:
        body = sender.ArchiveSender(chunks(), None, idle)
        assert await anext(body) == b"x"

        async def again() -> bytes:
            return await anext(body)

        with pytest.raises(ConnectionResetError):
            await asyncio.create_task(again())
        await body.aclose()

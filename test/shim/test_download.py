"""Downloads: resumed after a cut, checked at the end, freed when nobody reads on."""

import gc

from aiohttp import web
from homeassistant.components.backup import BackupAgent, BackupAgentError
import pytest

from custom_components.homestash.const import MIB
from custom_components.homestash.contract import ARCHIVE_CRC32_HEADER

from .conftest import BACKUP
from .fake_core import FakeCore, crc, cut, problem, wait_for_cut
from .helpers import eventually, read_all

CONTENT = bytes(range(256)) * 4096 * 6 + b"end"


@pytest.fixture(autouse=True)
def _stored(core: FakeCore) -> None:
    core.put("target1", BACKUP, CONTENT)


def breaking(size: int, *, start: int = 0, abort: bool = True, **headers: str):
    """Answer with the beginning and then break."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            status=206 if start else 200,
            headers={
                "Content-Length": str(len(CONTENT) - start),
                "ETag": '"v1"',
                ARCHIVE_CRC32_HEADER: crc(CONTENT),
                **headers,
            },
        )
        await response.prepare(request)
        await response.write(CONTENT[start : start + size])
        if abort:
            cut(request)
        return response

    return answer


async def test_download(core: FakeCore, agent: BackupAgent) -> None:
    stream = await agent.async_download_backup("abc123ef")
    chunks = [chunk async for chunk in stream]
    assert b"".join(chunks) == CONTENT
    assert all(len(chunk) <= MIB for chunk in chunks)
    assert all(len(chunk) == MIB for chunk in chunks[:-1])
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@pytest.mark.parametrize("size", [0, 5])
async def test_small_ones(core: FakeCore, agent: BackupAgent, size: int) -> None:
    core.put("target1", BACKUP, b"x" * size)
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == b"x" * size


async def test_download_of_another_tools_backup(
    core: FakeCore, agent: BackupAgent
) -> None:
    core.stored["target1", "abc123ef"][0]["crc32"] = None
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == CONTENT


async def test_resumed_after_cuts(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET archive", breaking(2 * MIB))
    core.once("GET archive", problem("shutting_down", 503))
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == CONTENT
    assert core.count("GET", "/archive") == 3


async def test_resumed_without_an_etag(core: FakeCore, agent: BackupAgent) -> None:
    core.send_etag = False
    core.once("GET archive", breaking(2 * MIB, ETag=""))
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == CONTENT


async def test_cut_before_the_first_byte(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET archive", breaking(0))
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == CONTENT


async def test_many_cuts_with_progress(core: FakeCore, agent: BackupAgent) -> None:
    async def some_more(request: web.Request) -> web.StreamResponse:
        value = request.headers.get("Range", "bytes=0-")
        start = int(value.removeprefix("bytes=").removesuffix("-"))
        total = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        more = {"Content-Range": total} if start else {}
        return await breaking(MIB + 300_000, start=start, **more)(request)

    for _ in range(5):
        core.once("GET archive", some_more)
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == CONTENT


async def test_cuts_without_progress(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET archive", breaking(2 * MIB))
    stream = await agent.async_download_backup("abc123ef")
    core.always("GET archive", lambda: problem("target_timeout", 503))
    with pytest.raises(BackupAgentError) as caught:
        await read_all(stream)
    assert caught.value.translation_key == "download_incomplete"
    # Asked again, it still does not look complete.
    with pytest.raises(BackupAgentError):
        await anext(stream)
    assert core.count("GET", "/archive") == 4


async def test_problem_while_resuming(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET archive", breaking(2 * MIB))
    core.once("GET archive", problem("target_corrupt", 502, key="a.tar"))
    stream = await agent.async_download_backup("abc123ef")
    with pytest.raises(BackupAgentError) as caught:
        await read_all(stream)
    assert caught.value.translation_key == "target_corrupt"


@pytest.mark.parametrize(
    "second",
    [
        breaking(5),
        breaking(5, start=7, **{"Content-Range": "bytes 7-9/10"}),
    ],
)
async def test_archive_that_changed_meanwhile(
    core: FakeCore, agent: BackupAgent, second
) -> None:
    core.once("GET archive", breaking(2 * MIB))
    core.once("GET archive", second)
    stream = await agent.async_download_backup("abc123ef")
    with pytest.raises(BackupAgentError) as caught:
        await read_all(stream)
    assert caught.value.translation_key == "download_incomplete"


async def test_wrong_checksum(core: FakeCore, agent: BackupAgent) -> None:
    core.stored["target1", "abc123ef"][0]["crc32"] = "00000000"
    stream = await agent.async_download_backup("abc123ef")
    with pytest.raises(BackupAgentError) as caught:
        await read_all(stream)
    assert caught.value.translation_key == "download_damaged"
    assert caught.value.translation_placeholders == {
        "expected": "00000000",
        "actual": crc(CONTENT),
    }


async def test_rest_that_is_too_short(core: FakeCore, agent: BackupAgent) -> None:
    async def short(request: web.Request) -> web.Response:
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        headers = {"Content-Range": f"bytes {start}-{start}/{len(CONTENT)}"}
        return web.Response(status=206, headers=headers, body=b"x")

    core.stored["target1", "abc123ef"][0]["crc32"] = None
    core.once("GET archive", breaking(2 * MIB))
    core.once("GET archive", short)
    stream = await agent.async_download_backup("abc123ef")
    with pytest.raises(BackupAgentError) as caught:
        await read_all(stream)
    assert caught.value.translation_key == "download_incomplete"


async def test_core_that_ignores_ranges(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET archive", breaking(0))
    core.once("GET archive", breaking(len(CONTENT), abort=False))
    stream = await agent.async_download_backup("abc123ef")
    assert await read_all(stream) == CONTENT


async def test_closing_while_resuming(core: FakeCore, agent: BackupAgent) -> None:
    core.once("GET archive", breaking(2 * MIB))
    stream = await agent.async_download_backup("abc123ef")

    async def close_first(_request: web.Request) -> None:
        await stream.aclose()

    core.once("GET archive", close_first)
    await read_all(stream)
    await eventually(lambda: core.open_streams == 0)


async def test_closing_early_frees_the_connection(
    core: FakeCore, agent: BackupAgent
) -> None:
    core.put("target1", BACKUP, b"x" * (64 * MIB))
    stream = await agent.async_download_backup("abc123ef")
    assert await anext(stream)
    assert core.open_streams == 1
    await stream.aclose()
    await eventually(lambda: core.open_streams == 0)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    await stream.aclose()


async def test_stream_that_nobody_wants_frees_its_connection(
    core: FakeCore, agent: BackupAgent
) -> None:
    core.put("target1", BACKUP, b"x" * (64 * MIB))
    stream = await agent.async_download_backup("abc123ef")
    await eventually(lambda: core.open_streams == 1)
    del stream
    gc.collect()
    await eventually(lambda: core.open_streams == 0)


async def test_closing_while_reading(core: FakeCore, agent: BackupAgent) -> None:
    import asyncio

    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        core.open_streams += 1
        await wait_for_cut(request)
        core.open_streams -= 1
        return response

    core.once("GET archive", stall)
    stream = await agent.async_download_backup("abc123ef")
    reading = asyncio.ensure_future(anext(stream, b"nothing"))
    await eventually(lambda: core.open_streams == 1)
    await asyncio.sleep(0.05)
    await stream.aclose()
    assert await reading == b"nothing"
    await eventually(lambda: core.open_streams == 0)

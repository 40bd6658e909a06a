"""Bringing a backup back: chunks of a good size, resumed after a cut, checked at the end."""

import asyncio
from http import HTTPStatus
from typing import Final, Self

from aiohttp import ClientError, ClientResponse

from . import checksum
from .client import CoreClient
from .const import MIB
from .contract import ARCHIVE_CRC32_HEADER
from .errors import CoreError, to_agent_error

# Smaller chunks cost Home Assistant more turns of its event loop than they are worth.
CHUNK: Final = MIB

# Pauses before each try to resume (seconds): a core that restarts is back within them.
RESUME_PAUSES: Final = (1.0, 4.0, 10.0)

# After so much progress a cut is a new one, with all tries to come.
PROGRESS: Final = MIB


class ArchiveStream:
    """The archive of a backup, as an iterator that frees its connection when closed."""

    def __init__(self, client: CoreClient, target_id: str, backup_id: str) -> None:
        """Keep what and where from."""
        self._client = client
        self._target_id = target_id
        self._backup_id = backup_id
        self._response: ClientResponse | None = None
        self._loop = asyncio.get_running_loop()
        self._etag: str | None = None
        self._expected: str | None = None
        self._size: int | None = None
        self._position = 0
        self._checksum = 0
        self._pauses = list(RESUME_PAUSES)
        self._resumed_at = 0
        self._failure: CoreError | None = None
        self._ended = False

    async def start(self) -> None:
        """Ask for it; a backup that is not there is known before the first byte."""
        self._response = await self._client.archive(
            self._target_id, self._backup_id, {}
        )
        headers = self._response.headers
        self._etag = headers.get("ETag") or None
        self._expected = headers.get(ARCHIVE_CRC32_HEADER)
        self._size = self._response.content_length

    def __aiter__(self) -> Self:
        """Return self."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk."""
        try:
            if self._failure is None and not self._ended:
                chunk = await self._next()
                if chunk:
                    return chunk
                self._end()
        except CoreError as error:
            # Asked again, it must not look complete.
            self._failure = error
            self._release()
        if self._failure is not None:
            raise to_agent_error(self._failure) from self._failure
        raise StopAsyncIteration

    async def _next(self) -> bytes:
        while (response := self._response) is not None:
            try:
                chunk = await _read(response)
            except (ClientError, TimeoutError, OSError) as error:
                if self._ended:
                    break
                await self._resume(error)
                continue
            self._position += len(chunk)
            self._checksum = checksum.add(self._checksum, chunk)
            return chunk
        return b""

    async def _resume(self, cause: Exception) -> None:
        """Go on where the connection broke, a few times as long as it gets anywhere."""
        self._release()
        if self._position - self._resumed_at >= PROGRESS:
            self._pauses = list(RESUME_PAUSES)
        self._resumed_at = self._position
        while self._pauses:
            await asyncio.sleep(self._pauses.pop(0))
            try:
                await self._continue()
            except CoreError as error:
                if error.kind != "unreachable":
                    raise
                continue
            return
        raise CoreError("download_incomplete") from cause

    async def _continue(self) -> None:
        headers = {"Range": f"bytes={self._position}-"}
        if self._etag is not None:
            headers["If-Range"] = self._etag
        response = await self._client.archive(self._target_id, self._backup_id, headers)
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            rest = response.headers.get("Content-Range", "")
            fits = rest.startswith(f"bytes {self._position}-")
        else:
            fits = self._position == 0
        if not fits:
            # The archive is another one by now: what we have does not belong to it.
            response.close()
            raise CoreError("download_incomplete")
        if self._ended:
            response.close()
        else:
            self._response = response

    def _end(self) -> None:
        """Compare; a stream that was closed early has nothing to compare."""
        if self._ended:
            return
        if self._size is not None and self._size != self._position:
            raise CoreError("download_incomplete")
        actual = checksum.as_hex(self._checksum)
        if self._expected is not None and self._expected != actual:
            sums = {"expected": self._expected, "actual": actual}
            raise CoreError("download_damaged", sums)
        self._ended = True
        self._release()

    def _release(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()

    async def aclose(self) -> None:
        """Free the connection at once; the core stops reading from its store."""
        self._ended = True
        self._release()

    def __del__(self) -> None:
        """Free the connection of a stream that nobody wanted, from whatever thread."""
        response, self._response = self._response, None
        if response is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(response.close)


async def _read(response: ClientResponse) -> bytes:
    """Read 1 MiB, or what is left."""
    parts: list[bytes] = []
    missing = CHUNK
    while missing and (part := await response.content.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)

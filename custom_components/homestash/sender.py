"""A backup on its way out: the bytes, their checksum and how far they got."""

import asyncio
from collections.abc import AsyncIterator
import logging
from typing import TYPE_CHECKING, Any, Self

from . import checksum
from .const import CLEAN_UP_SECONDS, SLOWEST_STEP_SECONDS
from .contract import UploadSum

if TYPE_CHECKING:
    # Home Assistant 2026.3 does not have it yet.
    from homeassistant.components.backup import OnProgressCallback

_LOGGER = logging.getLogger(__name__)


class ArchiveSender:
    """The body of an upload: hands chunks to aiohttp and sums them on the way."""

    def __init__(
        self,
        stream: AsyncIterator[bytes],
        on_progress: "OnProgressCallback | None",
        idle: asyncio.Timeout,
    ) -> None:
        """Keep the source, who watches, and the clock that every chunk winds up."""
        self._stream = stream
        self._on_progress = on_progress
        self._idle = idle
        self._reading = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self._size = 0
        self._checksum = 0
        # What the source raised; aiohttp would make a lost connection of it.
        self.error: Exception | None = None

    @property
    def total(self) -> UploadSum:
        """Return size and checksum of what was handed over."""
        return UploadSum(self._size, checksum.as_hex(self._checksum))

    def __aiter__(self) -> Self:
        """Return self."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk, as immutable bytes: aiohttp sends those without a copy."""
        self._refuse_repetition()
        if self._on_progress is not None and self._size:
            self._on_progress(bytes_uploaded=self._size)
        try:
            chunk = await self._read()
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.error = error
            raise
        finally:
            deadline = asyncio.get_running_loop().time() + SLOWEST_STEP_SECONDS
            if not self._idle.expired():
                self._idle.reschedule(deadline)
        self._checksum = checksum.add(self._checksum, chunk)
        self._size += len(chunk)
        return chunk

    async def _read(self) -> bytes:
        """Read from the source; an empty chunk would end the request for aiohttp."""
        async with self._reading:
            while True:
                chunk = await anext(self._stream)
                if chunk:
                    return chunk if type(chunk) is bytes else bytes(chunk)

    def _refuse_repetition(self) -> None:
        """Let aiohttp not repeat a request by itself: what is left is not the whole.

        It does so when a kept connection turns out to be dead, each time in a task.
        """
        writer = asyncio.current_task()
        if self._writer not in (None, writer):
            raise ConnectionResetError("the request would be repeated")
        self._writer = writer

    async def aclose(self) -> None:
        """Close the source, once nobody reads from it any more."""
        try:
            async with asyncio.timeout(CLEAN_UP_SECONDS), self._reading:
                if (close := getattr(self._stream, "aclose", None)) is not None:
                    await close()
        except Exception:
            # How the upload went counts, not how its source was left.
            _LOGGER.debug("The stream of a backup could not be closed", exc_info=True)

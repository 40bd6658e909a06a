"""Small helpers of the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any


async def eventually(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


class Source:
    """A backup to upload; knows how often it was opened and closed."""

    def __init__(
        self,
        chunks: Sequence[Any],
        error: BaseException | None = None,
        hang: bool = False,
    ) -> None:
        self.chunks = chunks
        self.error = error
        self.hang = hang
        self.opened = 0
        self.closed = 0

    @property
    def content(self) -> bytes:
        return b"".join(bytes(chunk) for chunk in self.chunks)

    @property
    def open(self) -> Callable[[], Coroutine[Any, Any, AsyncIterator[bytes]]]:
        async def open_stream() -> AsyncIterator[bytes]:
            self.opened += 1
            return self._read()

        return open_stream

    async def _read(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                await asyncio.sleep(0)
                yield chunk
            if self.error is not None:
                raise self.error
            if self.hang:
                await asyncio.Event().wait()
        finally:
            self.closed += 1


async def read_all(stream: AsyncIterator[bytes]) -> bytes:
    """Read a stream to its end."""
    return b"".join([chunk async for chunk in stream])

"""Bringing a backup to the core: announce, send, compare, commit; and once more after a restart."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
import logging
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.backup import AgentBackup

from .client import CoreClient
from .const import CLEAN_UP_SECONDS, RESTART_SECONDS, SLOWEST_STEP_SECONDS
from .contract import Backup, ContractError, Upload, UploadSum
from .errors import CoreError, CoreProblem, CoreUnreachable, problem
from .sender import ArchiveSender

if TYPE_CHECKING:
    from homeassistant.components.backup import OnProgressCallback

_LOGGER = logging.getLogger(__name__)

type OpenStream = Callable[[], Coroutine[Any, Any, AsyncIterator[bytes]]]

# A restarted core does not know the upload any more.
RESTARTED: Final = ("upload_not_found", "shutting_down")

# What a core notes that only saw the connection break; the cause is elsewhere.
SYMPTOMS: Final = ("body_cut", "idle_timeout", *RESTARTED)

# Pauses between questions whether the core is back (seconds); the last one repeats.
PAUSES: Final = (0.5, 1.0, 2.0, 4.0)

# How often an operation that still seems to run is asked for its outcome.
OUTCOME_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class _Interruption:
    """The core went away in the middle; `total` is set once all had arrived."""

    upload: Upload
    total: UploadSum | None
    error: CoreError


class BackupUpload:
    """One backup on its way to one target."""

    def __init__(
        self,
        client: CoreClient,
        target_id: str,
        backup: AgentBackup,
        open_stream: OpenStream,
        on_progress: "OnProgressCallback | None",
    ) -> None:
        """Keep what, where and for whom."""
        self._client = client
        self._target_id = target_id
        self._backup = backup
        self._open_stream = open_stream
        self._on_progress = on_progress

    async def run(self) -> None:
        """Upload it. A core that restarts in the middle gets one second try."""
        description = self._backup.as_dict()
        upload = await self._client.announce(self._target_id, description)
        first = await self._attempt(upload)
        if first is None or await self._stored_after_all(first):
            return
        _LOGGER.info("The connection broke during an upload; it is started once more")
        upload = await _patiently(
            lambda: self._client.announce(self._target_id, description)
        )
        second = await self._attempt(upload)
        if second is not None and not await self._stored_after_all(second):
            raise second.error

    async def _attempt(self, upload: Upload) -> _Interruption | None:
        """Send and commit; whatever fails leaves nothing behind."""
        total: UploadSum | None = None
        try:
            total = await self._send(upload)
            await self._client.commit(self._target_id, upload.id, total)
        except CoreError as error:
            if isinstance(error, CoreUnreachable) or problem(error, *RESTARTED):
                return _Interruption(upload, total, error)
            await self._discard(upload)
            raise
        except BaseException:
            await self._discard(upload)
            raise
        return None

    async def _send(self, upload: Upload) -> UploadSum:
        """Send the archive; both sides must have summed the same bytes."""
        stream = await self._open_stream()
        try:
            async with asyncio.timeout(SLOWEST_STEP_SECONDS) as idle:
                sender = ArchiveSender(stream, self._on_progress, idle)
                try:
                    arrived = await self._client.send(
                        self._target_id, upload.id, sender
                    )
                except CoreError:
                    if sender.error is not None:
                        raise sender.error from None
                    raise
                finally:
                    await sender.aclose()
        except TimeoutError as error:
            raise CoreUnreachable(self._client.url) from error
        sent = sender.total
        if arrived != sent:
            raise CoreError(
                "archive_mismatch", {"expected": sent.crc32, "actual": arrived.crc32}
            )
        return sent

    async def _discard(self, upload: Upload) -> None:
        """Tell the core that nothing follows, also when we are being cancelled."""

        async def discard() -> None:
            try:
                async with asyncio.timeout(CLEAN_UP_SECONDS):
                    await self._client.discard(self._target_id, upload.id)
            except (CoreError, TimeoutError):
                # It notices by itself when nothing arrives any more.
                _LOGGER.debug("An upload could not be discarded", exc_info=True)

        await asyncio.shield(asyncio.ensure_future(discard()))

    async def _stored_after_all(self, interruption: _Interruption) -> bool:
        """Find out what became of it once the core is back, and clean up."""
        try:
            await _patiently(self._client.info)
        except CoreUnreachable:
            raise interruption.error from None
        if interruption.total and await self._is_stored(interruption.total):
            return True
        reason = await self._reason(interruption.upload)
        await self._discard(interruption.upload)
        if reason is not None:
            raise reason
        return False

    async def _is_stored(self, total: UploadSum) -> bool:
        """Return whether the core has this very archive: only its answer was lost."""
        try:
            data = await self._client.backup(
                self._target_id, self._backup.backup_id, fresh=False
            )
            return Backup.from_dict(data).crc32 == total.crc32
        except (CoreError, ContractError):
            return False

    async def _reason(self, upload: Upload) -> CoreError | None:
        """Ask why the core ended it: its answer is lost when it closes while we send."""
        for pause in (*PAUSES, PAUSES[-1])[:OUTCOME_TRIES]:
            try:
                outcome = await self._client.outcome(upload.operation_id)
            except CoreError:
                return None
            if outcome.state != "running":
                document = outcome.problem
                if document is None or document.code in SYMPTOMS:
                    return None
                return CoreProblem(document)
            await asyncio.sleep(pause)
        return None


async def _patiently[T](call: Callable[[], Awaitable[T]]) -> T:
    """Repeat it while the core is away, for as long as a restart may take."""
    deadline = asyncio.get_running_loop().time() + RESTART_SECONDS
    pauses = iter(PAUSES)
    while True:
        try:
            return await call()
        except CoreError as error:
            away = isinstance(error, CoreUnreachable) or problem(error, *RESTARTED)
            if not away or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(next(pauses, PAUSES[-1]))

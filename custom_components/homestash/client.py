"""The core over HTTP: one request, one answer, and typed errors instead of anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
import json
from time import monotonic
from typing import Any, Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from .const import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    DOWNLOAD_IDLE_SECONDS,
    MIB,
    PING_SECONDS,
    SILENT_SECONDS,
    SLOWEST_STEP_SECONDS,
    STORE_SECONDS,
)
from .contract import (
    API_VERSION,
    API_VERSION_HEADER,
    EVENTS_HEARTBEAT_SECONDS,
    LIST_MAX_AGE_SECONDS,
    PATH_DEVICE_ADOPTIONS,
    PATH_DEVICE_MIRROR,
    PATH_DEVICES,
    PATH_EVENTS,
    PATH_INFO,
    PATH_OVERVIEW,
    PATH_PAIRING,
    PATH_PING,
    PATH_PROVIDERS,
    PATH_TARGETS,
    Adoption,
    AdoptionRequest,
    BackupList,
    ContractError,
    Info,
    KnownDevices,
    Mirror,
    MirrorFile,
    Notice,
    NoticeList,
    OperationOutcome,
    PairingRequest,
    PairingResult,
    ProblemDocument,
    Provider,
    ProviderList,
    Reader,
    Target,
    Upload,
    UploadRequest,
    UploadSum,
    as_object,
    list_of,
    path_archive,
    path_backup,
    path_backups,
    path_device_adoption,
    path_device_file,
    path_operation,
    path_target,
    path_token,
    path_upload,
    path_upload_archive,
    path_upload_commit,
    path_uploads,
)
from .errors import CoreError, CoreNotUnderstood, CoreProblem, CoreUnreachable

# No JSON of the core comes near this; whatever is longer is somebody else's page.
MAX_JSON_BYTES: Final = 32 * MIB

GOOD_STATUSES: Final = range(200, 300)

# What a proxy in front of a core says that is away.
PROXY_STATUSES: Final = (
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


def idle_timeout(read_seconds: float | None) -> ClientTimeout:
    """Limit the silence and never the whole: a large backup takes hours."""
    return ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=read_seconds
    )


def total_timeout(seconds: float) -> ClientTimeout:
    """Limit the whole: for what somebody waits for."""
    return ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)


class CoreClient:
    """Talks to one core. Raises nothing but `CoreError`."""

    def __init__(
        self, session: ClientSession, url: str, token: str | None, language: str
    ) -> None:
        """Keep where, as whom, and in which language."""
        self._session = session
        self._headers = {
            API_VERSION_HEADER: str(API_VERSION),
            "Accept-Language": language,
        }
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._base = URL(url)
        self._silent_until = 0.0
        self.url = url

    async def request(
        self,
        method: str,
        path: str,
        *,
        timeout: ClientTimeout,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ClientResponse:
        """Send a request; what comes back is a good answer, still to be read."""
        prefix = self._base.raw_path.rstrip("/")
        try:
            response = await self._session.request(
                method,
                self._base.with_path(prefix + path, encoded=True),
                headers={**self._headers, **(headers or {})},
                timeout=timeout,
                # A token goes where it belongs and nowhere else.
                allow_redirects=False,
                **options,
            )
        except (ClientError, TimeoutError, OSError) as error:
            raise CoreUnreachable(self.url) from error
        if response.status in GOOD_STATUSES:
            return response
        raise await self._problem(response)

    async def _problem(self, response: ClientResponse) -> CoreError:
        """Read why the core refuses; what is not in its words does not come from it."""
        try:
            document = ProblemDocument.from_dict(await self._json(response))
        except (CoreError, ContractError):
            away = response.status in PROXY_STATUSES
            return CoreUnreachable(self.url) if away else CoreNotUnderstood(self.url)
        return CoreProblem(document)

    async def _json(self, response: ClientResponse) -> object:
        """Read the whole answer and free its connection."""
        body = bytearray()
        try:
            async with response:
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_JSON_BYTES:
                        response.close()
                        raise CoreNotUnderstood(self.url)
            result: object = json.loads(body)
        except (ClientError, TimeoutError, OSError) as error:
            raise CoreUnreachable(self.url) from error
        except ValueError as error:
            raise CoreNotUnderstood(self.url) from error
        return result

    async def call(
        self,
        method: str,
        path: str,
        *,
        timeout: ClientTimeout | None = None,  # noqa: ASYNC109
        **options: Any,
    ) -> object:
        """Send a request and read its JSON; None where there is none."""
        limit = timeout or total_timeout(ANSWER_SECONDS)
        response = await self.request(method, path, timeout=limit, **options)
        if response.status == HTTPStatus.NO_CONTENT:
            response.release()
            return None
        return await self._json(response)

    def _read[T](self, reader: Reader[T], data: object) -> T:
        """Read an answer; one that does not fit is not understood."""
        try:
            return reader(data)
        except ContractError as error:
            raise CoreNotUnderstood(self.url) from error

    async def pair(self, request: PairingRequest) -> tuple[PairingResult, Info]:
        """Exchange the one-time secret for a token."""
        answer = await self.call(
            "POST",
            PATH_PAIRING,
            json=request.as_dict(),
            timeout=total_timeout(STORE_SECONDS),
        )
        result = self._read(PairingResult.from_dict, answer)
        info = self._read(as_object, answer).get("info")
        return result, self._read(Info.from_dict, info)

    async def revoke(self, token_id: str) -> None:
        """Give an access back."""
        await self.call("DELETE", path_token(token_id))

    async def ping(self) -> None:
        """See whether the core answers, whatever its stores do meanwhile.

        One that was silent just now is not waited for again.
        """
        if monotonic() < self._silent_until:
            raise CoreUnreachable(self.url)
        try:
            await self.call("GET", PATH_PING, timeout=total_timeout(PING_SECONDS))
        except CoreUnreachable as error:
            if isinstance(error.__cause__, TimeoutError):
                self._silent_until = monotonic() + SILENT_SECONDS
            raise

    async def info(self) -> Info:
        """Ask who the core is."""
        return self._read(Info.from_dict, await self.call("GET", PATH_INFO))

    async def notices(self) -> list[Notice]:
        """Ask what needs a person."""
        answer = await self.call("GET", PATH_OVERVIEW)
        return self._read(NoticeList.from_dict, answer).notices

    async def targets(self) -> list[dict[str, Any]]:
        """Ask for the targets, as the core describes them."""
        answer = self._read(as_object, await self.call("GET", PATH_TARGETS))
        return self._read(list_of(as_object), answer.get("targets"))

    async def target(self, target_id: str) -> dict[str, Any]:
        """Ask for one target, with its settings."""
        return self._read(as_object, await self.call("GET", path_target(target_id)))

    async def providers(self) -> list[Provider]:
        """Ask for the providers of storage that are known."""
        answer = await self.call("GET", PATH_PROVIDERS)
        return self._read(ProviderList.from_dict, answer).providers

    async def save_target(
        self, target_id: str | None, wanted: Mapping[str, object]
    ) -> Target:
        """Add a target, or change one; the core tries it out before."""
        method, path = (
            ("POST", PATH_TARGETS)
            if target_id is None
            else ("PATCH", path_target(target_id))
        )
        limit = total_timeout(STORE_SECONDS)
        answer = await self.call(method, path, json=wanted, timeout=limit)
        return self._read(Target.from_dict, answer)

    async def backups(self, target_id: str) -> list[object]:
        """Ask for the backups of a target; an old list is worth nothing."""
        answer = await self.call(
            "GET",
            path_backups(target_id),
            params={"max_age": str(LIST_MAX_AGE_SECONDS)},
        )
        return self._read(BackupList.from_dict, answer).backups

    async def backup(
        self, target_id: str, backup_id: str, *, fresh: bool = True
    ) -> object:
        """Ask for one backup; from an old list only where that is enough."""
        params = {"max_age": str(LIST_MAX_AGE_SECONDS)} if fresh else {}
        return await self.call("GET", path_backup(target_id, backup_id), params=params)

    async def delete_backup(self, target_id: str, backup_id: str) -> None:
        """Delete a backup."""
        await self.call(
            "DELETE",
            path_backup(target_id, backup_id),
            timeout=total_timeout(STORE_SECONDS),
        )

    async def announce(self, target_id: str, backup: dict[str, Any]) -> Upload:
        """Announce an upload; what cannot fit is refused here."""
        answer = await self.call(
            "POST",
            path_uploads(target_id),
            json=UploadRequest(backup).as_dict(),
            timeout=total_timeout(STORE_SECONDS),
        )
        return self._read(Upload.from_dict, answer)

    async def send(
        self, target_id: str, upload_id: str, body: AsyncIterator[bytes]
    ) -> UploadSum:
        """Send an archive; the core says what arrived."""
        answer = await self.call(
            "PUT",
            path_upload_archive(target_id, upload_id),
            data=body,
            headers={"Content-Type": "application/x-tar"},
            timeout=idle_timeout(SLOWEST_STEP_SECONDS),
        )
        return self._read(UploadSum.from_dict, answer)

    async def commit(self, target_id: str, upload_id: str, total: UploadSum) -> object:
        """Make an upload a backup; the core answers with the backup."""
        return await self.call(
            "POST",
            path_upload_commit(target_id, upload_id),
            json=total.as_dict(),
            timeout=idle_timeout(SLOWEST_STEP_SECONDS),
        )

    async def discard(self, target_id: str, upload_id: str) -> None:
        """Throw an upload away."""
        await self.call("DELETE", path_upload(target_id, upload_id))

    async def archive(
        self, target_id: str, backup_id: str, headers: Mapping[str, str]
    ) -> ClientResponse:
        """Ask for an archive, to be read as a stream."""
        return await self.request(
            "GET",
            path_archive(target_id, backup_id),
            headers={"Accept-Encoding": "identity", **headers},
            timeout=idle_timeout(DOWNLOAD_IDLE_SECONDS),
            # The default of 64 KiB would pause and resume the socket all the time.
            read_bufsize=MIB,
        )

    async def events(self) -> ClientResponse:
        """Ask for the events, to be read as a stream."""
        return await self.request(
            "GET",
            PATH_EVENTS,
            headers={"Accept": "text/event-stream"},
            timeout=idle_timeout(3 * EVENTS_HEARTBEAT_SECONDS),
        )

    async def outcome(self, operation_id: str) -> OperationOutcome:
        """Ask how an operation went."""
        answer = await self.call("GET", path_operation(operation_id))
        return self._read(OperationOutcome.from_dict, answer)

    async def device_ids(self) -> set[str]:
        """Ask which devices the core knows."""
        answer = await self.call("GET", PATH_DEVICES)
        devices = self._read(KnownDevices.from_dict, answer).devices
        return {device.id for device in devices}

    async def device_mirror(self) -> Mirror:
        """Ask what belongs into the backups of Home Assistant."""
        return self._read(Mirror.from_dict, await self.call("GET", PATH_DEVICE_MIRROR))

    async def device_file(self, file: MirrorFile) -> AsyncIterator[bytes]:
        """Yield a file of a saved configuration."""
        response = await self.request(
            "GET",
            path_device_file(file.device_id, file.artefact_id, str(file.number)),
            headers={"Accept-Encoding": "identity"},
            timeout=idle_timeout(ANSWER_SECONDS),
        )
        try:
            while True:
                try:
                    chunk = await response.content.readany()
                except (ClientError, TimeoutError, OSError) as error:
                    raise CoreUnreachable(self.url) from error
                if not chunk:
                    return
                yield chunk
        finally:
            response.close()

    async def offer_devices(self, devices: list[dict[str, Any]]) -> Adoption:
        """Offer devices of a core that is gone; the core says which files it wants."""
        answer = await self.call(
            "POST",
            PATH_DEVICE_ADOPTIONS,
            json=AdoptionRequest(devices).as_dict(),
            timeout=total_timeout(STORE_SECONDS),
        )
        return self._read(Adoption.from_dict, answer)

    async def adopt_file(self, sha256: str, content: bytes) -> Adoption:
        """Hand over a file that the core wants."""
        answer = await self.call(
            "PUT",
            path_device_adoption(sha256),
            data=content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=total_timeout(STORE_SECONDS),
        )
        return self._read(Adoption.from_dict, answer)

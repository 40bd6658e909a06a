"""A core to test against: a real HTTP server that insists on the contract."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
import contextlib
from dataclasses import dataclass, field
import hashlib
import json
import time
from typing import Any
import zlib

from aiohttp import web
from aiohttp.test_utils import unused_port

from custom_components.homestash.contract import (
    API_VERSION_HEADER,
    ARCHIVE_CRC32_HEADER,
    LIST_MAX_AGE_SECONDS,
    PROBLEM_KINDS,
    AdoptionRequest,
    PairingRequest,
    UploadRequest,
    UploadSum,
)

TOKEN = "token-of-the-test"
TOKEN_ID = "tokenid1"
SECRET = "one-time-secret"
INSTANCE_ID = "instance-1"

type Hook = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def problem(code: str, status: int = 500, **params: str) -> web.Response:
    """Answer with a problem document."""
    return web.json_response(
        {
            "type": f"https://example.org/{code}",
            "title": f"Title of {code}.",
            "status": status,
            "code": code,
            "hint": f"Hint of {code}.",
            "params": params,
        },
        status=status,
        content_type="application/problem+json",
    )


def make_card() -> dict[str, Any]:
    """Describe what a store was found to do, in full."""
    return {
        "examined_at": "2026-11-01T00:00:00.000Z",
        "provider": "b2",
        "server": None,
        "region": "eu-central-003",
        "conditional_writes": "refused",
        "checksums": "refused",
        "versioning": "on",
        "object_lock": {"state": "off", "default_days": None, "mode": None},
        "parts": {"equal": "not_required", "smallest": 5242880, "most": 10000},
        "lifecycle": {"state": "off", "aborts_after_days": None},
        "permissions": [{"name": "s3:ListBucket", "allowed": True}],
        "advice": [{"code": "versions_kept", "text": "This bucket keeps versions."}],
    }


def make_target(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Describe a target in full."""
    return {
        "id": f"target{number}",
        "unique_id": f"place-{number}",
        "name": f"Place {number}",
        "settings": {
            "kind": "s3",
            "endpoint": "https://s3.example.org",
            "bucket": "bucket",
            "access_key": "AKIA-SECRET-ID",
            "proxy_user": "user-of-the-proxy",
            "kms_key": "arn-of-the-key",
        },
        "created_at": "2026-11-01T00:00:00.000Z",
        "refreshed_at": None,
        "problem": None,
        "backups": 0,
        "bytes": 0,
        "same_disk": False,
        "capabilities": make_card(),
        **changes,
    }


def make_notice(code: str = "target_credentials", **changes: Any) -> dict[str, Any]:
    """Describe a notice in full."""
    return {
        "id": f"{code}_target1",
        "code": code,
        "severity": "error",
        "action": "edit_target",
        "repair": True,
        "target_id": "target1",
        "since": "2026-11-01T00:00:00.000Z",
        "title": "Place 1 refuses the access of Homestash",
        "text": "The key was revoked. Nothing new is stored there.",
        "params": {"name": "Place 1", "problem": "The key was revoked."},
        **changes,
    }


PROVIDERS = [
    {
        "id": "b2",
        "name": "Backblaze B2",
        "endpoint": "https://s3.{region}.backblazeb2.com",
        "regions": ["eu-central-003", "us-west-004"],
    },
    {"id": "other", "name": "S3", "endpoint": None, "regions": []},
]


@dataclass
class FakeUpload:
    """An upload under way."""

    backup: dict[str, Any]
    operation_id: str
    content: bytearray = field(default_factory=bytearray)
    received: bool = False


@dataclass
class FakeDevice:
    """A device, and its newest saved configuration; none before its first backup."""

    name: str
    files: dict[str, bytes]
    artefact: str = "artefact1"
    id: str = "device1"

    def mirrored(self, **changes: Any) -> list[dict[str, Any]]:
        """Describe its files as the mirror does."""
        return [
            {
                "device_id": self.id,
                "artefact_id": self.artefact,
                "number": number,
                "path": path,
                "size": len(content),
                "sha256": sha256(content),
                **changes,
            }
            for number, (path, content) in enumerate(self.files.items(), 1)
        ]

    def described(self) -> dict[str, Any]:
        """Describe it as a core wants it that is empty."""
        files = [
            {"name": "config.json", "size": len(content), "sha256": sha256(content)}
            for content in self.files.values()
        ]
        return {"id": self.id, "kind": "wled", "name": self.name, "files": files}


class FakeCore:
    """Keeps what it is given in memory."""

    def __init__(self) -> None:
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.info = {
            "instance_id": INSTANCE_ID,
            "name": "Attic",
            "version": "0.1.0",
            "api_version": 1,
            "min_api_version": 1,
            "started_at": "2026-11-01T00:00:00.000Z",
        }
        self.targets = [make_target(1)]
        # What needs a person.
        self.notices: list[dict[str, Any]] = []
        self.tokens = {TOKEN: TOKEN_ID}
        self.secrets = {SECRET}
        self.stored: dict[tuple[str, str], tuple[dict[str, Any], bytes]] = {}
        self.uploads: dict[str, FakeUpload] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        # What was sent to make or change targets.
        self.wanted: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.open_streams = 0
        self.paired_names: list[str] = []
        self.devices: dict[str, FakeDevice] = {}
        self.offered: list[dict[str, Any]] = []
        self.adopted: dict[str, bytes] = {}
        self.send_crc = True
        self.send_etag = True
        self.away_until = 0.0
        # One-shot replacements of the answer, by "METHOD last-segment".
        self.hooks: dict[str, list[Hook]] = {}
        self._listeners: list[asyncio.Queue[dict[str, Any] | None]] = []
        self._runner: web.AppRunner | None = None

    @property
    def code(self) -> str:
        """Return a pairing code."""
        raw = json.dumps({"v": 1, "u": self.url, "s": SECRET}).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30, middlewares=[self._check])
        route = app.router.add_route
        route("GET", "/api/ping", self._ping)
        route("GET", "/api/v1/info", self._info)
        route("POST", "/api/v1/pairing", self._pair)
        route("DELETE", "/api/v1/tokens/{token}", self._revoke)
        route("GET", "/api/v1/targets", self._targets)
        route("GET", "/api/v1/overview", self._overview)
        route("POST", "/api/v1/targets", self._add_target)
        route("GET", "/api/v1/targets/{target}", self._target)
        route("PATCH", "/api/v1/targets/{target}", self._change_target)
        route("GET", "/api/v1/providers", self._providers)
        route("GET", "/api/v1/events", self._events)
        route("GET", "/api/v1/operations/{operation}", self._operation)
        route("GET", "/api/v1/devices", self._devices)
        route("GET", "/api/v1/devices/mirror", self._mirror)
        file = "/api/v1/devices/{device}/artefacts/{artefact}/files/{number}"
        route("GET", file, self._device_file)
        route("POST", "/api/v1/devices/adoptions", self._offer)
        route("PUT", "/api/v1/devices/adoptions/{sha256}", self._adopt)
        target = "/api/v1/targets/{target}"
        route("GET", f"{target}/backups", self._list)
        route("GET", f"{target}/backups/{{backup}}", self._get)
        route("DELETE", f"{target}/backups/{{backup}}", self._delete)
        route("GET", f"{target}/backups/{{backup}}/archive", self._download)
        route("POST", f"{target}/uploads", self._announce)
        route("PUT", f"{target}/uploads/{{upload}}/archive", self._receive)
        route("POST", f"{target}/uploads/{{upload}}/commit", self._commit)
        route("DELETE", f"{target}/uploads/{{upload}}", self._discard)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, "127.0.0.1", self.port, reuse_address=True
        ).start()

    async def stop(self) -> None:
        if self._runner is not None:
            self.hang_up()
            runner, self._runner = self._runner, None
            await runner.cleanup()
        # The server reads on for a while after an early answer; nobody waits for it.
        for task in asyncio.all_tasks():
            if getattr(task.get_coro(), "__qualname__", "") == "RequestHandler.start":
                task.cancel()

    def restart(self, seconds: float = 0.05) -> None:
        """Forget what is under way, and be away for a while."""
        self.away_until = time.monotonic() + seconds
        self.uploads.clear()
        for operation in self.operations.values():
            if operation["state"] == "running":
                operation["state"] = "interrupted"

    def once(self, name: str, hook: Hook | web.Response) -> None:
        """Answer the next request of this name differently."""

        async def answer(_request: web.Request) -> web.StreamResponse:
            return hook  # type: ignore[return-value]

        action = answer if isinstance(hook, web.StreamResponse) else hook
        self.hooks.setdefault(name, []).append(action)

    def always(self, name: str, make: Callable[[], web.Response]) -> None:
        """Answer every request of this name differently."""

        async def answer(_request: web.Request) -> web.StreamResponse:
            self.hooks[name].append(answer)
            return make()

        self.hooks[name] = [answer]

    def emit(self, event: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener.put_nowait(event)

    def hang_up(self) -> None:
        """End all event streams."""
        for listener in self._listeners:
            listener.put_nowait(None)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def count(self, method: str, end: str) -> int:
        return sum(1 for m, path in self.requests if m == method and path.endswith(end))

    @web.middleware
    async def _check(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if time.monotonic() < self.away_until:
            cut(request)
            return web.Response()
        self.requests.append((request.method, request.path))
        if request.headers.get(API_VERSION_HEADER) != "1":
            self.complaints.append(f"{request.path}: no version")
        authorization = request.headers.get("Authorization", "")
        is_open = request.path == "/api/v1/pairing"
        if is_open and authorization:
            self.complaints.append("pairing with a token")
        if not is_open and authorization.removeprefix("Bearer ") not in self.tokens:
            return problem("unauthorized", 401)
        hooks = self.hooks.get(f"{request.method} {request.path.rsplit('/', 1)[1]}")
        if request.path != "/api/ping":
            hooks = hooks or self.hooks.get(f"{request.method} *")
        if hooks and (answer := await hooks.pop(0)(request)) is not None:
            return answer
        try:
            return await handler(request)
        except (AssertionError, ValueError) as error:
            self.complaints.append(f"{request.method} {request.path}: {error!r}")
            return problem("invalid_request", 400, detail=str(error))

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _info(self, _request: web.Request) -> web.Response:
        return web.json_response(self.info)

    async def _pair(self, request: web.Request) -> web.Response:
        pairing = PairingRequest.from_dict(await request.json())
        if pairing.secret not in self.secrets:
            return problem("pairing_code_invalid", 403)
        self.secrets.discard(pairing.secret)
        assert 0 < len(pairing.client_name) <= 100
        self.paired_names.append(pairing.client_name)
        token = f"new-token-{len(self.tokens)}"
        self.tokens[token] = f"newid{len(self.tokens)}"
        result = {"token": token, "token_id": self.tokens[token], "info": self.info}
        return web.json_response(result, status=201)

    async def _revoke(self, request: web.Request) -> web.Response:
        wanted = request.match_info["token"]
        self.tokens = {t: i for t, i in self.tokens.items() if i != wanted}
        return web.Response(status=204)

    async def _targets(self, _request: web.Request) -> web.Response:
        return web.json_response({"targets": self.targets})

    async def _overview(self, request: web.Request) -> web.Response:
        assert request.headers["Accept-Language"] == "en"
        return web.json_response({"verdict": "unsafe", "notices": self.notices})

    async def _add_target(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.wanted.append(wanted)
        target = make_target(len(self.targets) + 1, name=wanted["name"])
        self.targets.append(target)
        self.emit({"event": "targets_changed"})
        return web.json_response(target, status=201)

    async def _target(self, request: web.Request) -> web.Response:
        for target in self.targets:
            if target["id"] == request.match_info["target"]:
                return web.json_response(target)
        return problem("target_not_found", 404)

    async def _change_target(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.wanted.append(wanted)
        for target in self.targets:
            if target["id"] == request.match_info["target"]:
                target["name"] = wanted["name"]
                self.emit({"event": "targets_changed"})
                return web.json_response(target)
        return problem("target_not_found", 404)

    async def _providers(self, _request: web.Request) -> web.Response:
        return web.json_response({"providers": PROVIDERS})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept"] == "text/event-stream"
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._listeners.append(queue)
        event: dict[str, Any] | None = {
            "event": "hello",
            "instance_id": INSTANCE_ID,
        }
        try:
            await response.write(b": a comment\n\n")
            while event is not None:
                name = event["event"]
                text = f"event: {name}\ndata: {json.dumps(event)}\n\n"
                # In two pieces: lines do not arrive whole.
                await response.write(text[:9].encode())
                await response.write(text[9:].encode())
                getting = asyncio.ensure_future(queue.get())
                leaving = asyncio.ensure_future(wait_for_cut(request))
                try:
                    await asyncio.wait(
                        {getting, leaving}, return_when="FIRST_COMPLETED"
                    )
                    event = getting.result() if getting.done() else None
                finally:
                    leaving.cancel()
                    getting.cancel()
        except ConnectionResetError:
            pass
        finally:
            self._listeners.remove(queue)
        return response

    async def _operation(self, request: web.Request) -> web.Response:
        operation = self.operations.get(request.match_info["operation"])
        if operation is None:
            return problem("operation_not_found", 404)
        return web.json_response(operation)

    async def _list(self, request: web.Request) -> web.Response:
        assert request.query["max_age"] == str(LIST_MAX_AGE_SECONDS)
        target = request.match_info["target"]
        backups = [b for (t, _), (b, _) in self.stored.items() if t == target]
        return web.json_response({"backups": backups, "refreshed_at": None})

    async def _get(self, request: web.Request) -> web.Response:
        stored = self.stored.get(self._key(request))
        return web.json_response(stored[0]) if stored else not_found()

    async def _delete(self, request: web.Request) -> web.Response:
        if self.stored.pop(self._key(request), None) is None:
            return not_found()
        return web.Response(status=204)

    def _key(self, request: web.Request) -> tuple[str, str]:
        return request.match_info["target"], request.match_info["backup"]

    async def _download(self, request: web.Request) -> web.StreamResponse:
        stored = self.stored.get(self._key(request))
        if stored is None:
            return not_found()
        description, content = stored
        start = 0
        status = 200
        headers = {"Content-Type": "application/x-tar"}
        if self.send_etag:
            headers["ETag"] = '"v1"'
        wanted = request.headers.get("Range")
        if wanted and request.headers.get("If-Range", '"v1"') == '"v1"':
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            status = 206
            headers["Content-Range"] = (
                f"bytes {start}-{len(content) - 1}/{len(content)}"
            )
        elif self.send_crc and description["crc32"]:
            headers[ARCHIVE_CRC32_HEADER] = description["crc32"]
        headers["Content-Length"] = str(len(content) - start)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        self.open_streams += 1
        try:
            for position in range(start, len(content), 65_536):
                await response.write(content[position : position + 65_536])
        except ConnectionResetError:
            pass
        finally:
            self.open_streams -= 1
        return response

    async def _devices(self, _request: web.Request) -> web.Response:
        found = [{"id": id_, "name": d.name} for id_, d in self.devices.items()]
        return web.json_response({"devices": found})

    def mirror(self) -> dict[str, Any]:
        """Describe what belongs into the backups of Home Assistant."""
        saved = [device for device in self.devices.values() if device.files]
        return {
            "instance_id": self.info["instance_id"],
            "files": [file for device in saved for file in device.mirrored()],
            "devices": [device.described() for device in saved],
            "left_out": [],
        }

    async def _mirror(self, _request: web.Request) -> web.Response:
        return web.json_response(self.mirror())

    async def _device_file(self, request: web.Request) -> web.Response:
        device = self.devices.get(request.match_info["device"])
        if device is None or device.artefact != request.match_info["artefact"]:
            return problem("not_found", 404)
        content = list(device.files.values())[int(request.match_info["number"]) - 1]
        return web.Response(body=content, content_type="application/octet-stream")

    async def _offer(self, request: web.Request) -> web.Response:
        wanted = AdoptionRequest.from_dict(await request.json())
        self.offered = [d for d in wanted.devices if d["id"] not in self.devices]
        self.adopted = {}
        return web.json_response(self._wanted())

    def _wanted(self) -> dict[str, Any]:
        sums = {f["sha256"] for device in self.offered for f in device["files"]}
        return {
            "devices": len(self.offered),
            "wanted": sorted(sums - set(self.adopted)),
        }

    async def _adopt(self, request: web.Request) -> web.Response:
        content = await request.read()
        assert request.headers["Content-Type"] == "application/octet-stream"
        assert request.match_info["sha256"] == sha256(content)
        assert sha256(content) in self._wanted()["wanted"]
        self.adopted[sha256(content)] = content
        for device in list(self.offered):
            sums = [file["sha256"] for file in device["files"]]
            if all(one in self.adopted for one in sums):
                self.offered.remove(device)
                files = {
                    f"{device['name']}_{device['id']}_back{n}.json": self.adopted[one]
                    for n, one in enumerate(sums)
                }
                back = FakeDevice(device["name"], files, "artefact9", device["id"])
                self.devices[back.id] = back
        return web.json_response(self._wanted())

    async def _announce(self, request: web.Request) -> web.Response:
        backup = UploadRequest.from_dict(await request.json()).backup
        assert isinstance(backup["size"], int)
        number = len(self.operations) + 1
        upload = FakeUpload(backup, f"operation{number}")
        self.uploads[f"upload{number}"] = upload
        self.operations[upload.operation_id] = {"state": "running", "problem": None}
        answer = {"id": f"upload{number}", "operation_id": upload.operation_id}
        return web.json_response(answer, status=201)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        upload = self.uploads.get(request.match_info["upload"])
        if upload is None:
            return problem("upload_not_found", 404)
        assert request.headers["Content-Type"] == "application/x-tar"
        assert request.headers["Transfer-Encoding"] == "chunked"
        assert not upload.content
        async for chunk in request.content.iter_any():
            upload.content += chunk
            hooks = self.hooks.get("chunk")
            if hooks and (answer := await hooks.pop(0)(request)) is not None:
                return answer
        upload.received = True
        return web.json_response(
            UploadSum(len(upload.content), crc(upload.content)).as_dict()
        )

    async def _commit(self, request: web.Request) -> web.Response:
        name = request.match_info["upload"]
        upload = self.uploads.get(name)
        if upload is None:
            return problem("upload_not_found", 404)
        assert upload.received
        total = UploadSum.from_dict(await request.json())
        assert total == UploadSum(len(upload.content), crc(upload.content))
        return web.json_response(self.store(request.match_info["target"], name))

    def store(self, target: str, name: str) -> dict[str, Any]:
        """Make an upload a backup."""
        upload = self.uploads.pop(name)
        self.operations[upload.operation_id]["state"] = "succeeded"
        return self.put(target, upload.backup, bytes(upload.content))

    def put(self, target: str, backup: dict[str, Any], content: bytes) -> Any:
        """Have a backup."""
        stored = {
            "backup": {**backup, "size": len(content)},
            "crc32": crc(content),
            "stored_at": "2026-11-01T00:00:00.000Z",
            "suspect": None,
        }
        self.stored[target, backup["backup_id"]] = (stored, content)
        return stored

    async def _discard(self, request: web.Request) -> web.Response:
        upload = self.uploads.pop(request.match_info["upload"], None)
        if upload is None:
            return problem("upload_not_found", 404)
        self.operations[upload.operation_id]["state"] = "cancelled"
        return web.Response(status=204)

    def fail(self, code: str) -> None:
        """Let the newest operation fail for a reason."""
        operation = list(self.operations.values())[-1]
        operation["state"] = "failed"
        operation["problem"] = json.loads(problem(code).text or "")
        assert code in PROBLEM_KINDS


def not_found() -> web.Response:
    return problem("backup_not_found", 404)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def crc(content: bytes | bytearray) -> str:
    return f"{zlib.crc32(content):08x}"


def cut(request: web.Request) -> None:
    """Break the connection."""
    if request.transport is not None:
        with contextlib.suppress(RuntimeError):
            request.transport.abort()


async def wait_for_cut(request: web.Request) -> None:
    """Wait until the other side has closed the connection."""
    while request.transport is not None:
        await asyncio.sleep(0.01)

# ruff: noqa: INP001 - a script
"""Brings a file into the bucket `bench`, or back, with aiobotocore.

usage: aiobotocore_peer.py ENDPOINT PART_MIB PARALLEL signed|unsigned upload|download FILE KEY
"""

import asyncio
import os
from pathlib import Path
import sys
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

MIB = 1024 * 1024
BUCKET = "bench"


async def upload(client: Any, file: str, key: str, part: int, parallel: int) -> None:
    """Send the file in parts, a few at a time."""
    size = await asyncio.to_thread(lambda: Path(file).stat().st_size)
    handle = os.open(file, os.O_RDONLY)
    started = await client.create_multipart_upload(Bucket=BUCKET, Key=key)
    where = {"Bucket": BUCKET, "Key": key, "UploadId": started["UploadId"]}
    limit = asyncio.Semaphore(parallel)

    async def send(number: int) -> dict:
        async with limit:
            body = await asyncio.to_thread(os.pread, handle, part, (number - 1) * part)
            answer = await client.upload_part(**where, PartNumber=number, Body=body)
            return {"PartNumber": number, "ETag": answer["ETag"]}

    count = -(-size // part)
    parts = await asyncio.gather(*(send(number + 1) for number in range(count)))
    await client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


async def download(client: Any, file: str, key: str, part: int, parallel: int) -> None:
    """Fetch the object in ranges, a few at a time."""
    size = (await client.head_object(Bucket=BUCKET, Key=key))["ContentLength"]
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    limit = asyncio.Semaphore(parallel)

    async def fetch(start: int) -> None:
        async with limit:
            wanted = f"bytes={start}-{min(start + part, size) - 1}"
            answer = await client.get_object(Bucket=BUCKET, Key=key, Range=wanted)
            async for chunk in answer["Body"].iter_chunks(MIB):
                os.pwrite(handle, chunk, start)
                start += len(chunk)

    await asyncio.gather(*(fetch(start) for start in range(0, size, part)))
    os.close(handle)


async def main() -> None:
    """Do what the command line says."""
    endpoint, part_mib, parallel, payload, direction, file, key = sys.argv[1:]
    signing = {} if payload == "signed" else {"payload_signing_enabled": False}
    config = AioConfig(s3={"addressing_style": "path", **signing})
    async with get_session().create_client(
        "s3", endpoint_url=endpoint, config=config
    ) as client:
        act = upload if direction == "upload" else download
        await act(client, file, key, int(part_mib) * MIB, int(parallel))


asyncio.run(main())

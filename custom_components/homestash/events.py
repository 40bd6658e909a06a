"""The events of the core (server-sent events)."""

from collections.abc import AsyncIterator
import json
from typing import Any, Final

from aiohttp import ClientError

from .client import CoreClient
from .const import MIB
from .contract import ContractError, as_object
from .errors import CoreNotUnderstood, CoreUnreachable

# An event names what changed and is small; a line without an end is not from a core.
MAX_LINE_BYTES: Final = MIB


async def read_events(client: CoreClient) -> AsyncIterator[dict[str, Any]]:
    """Yield events until the core ends the stream."""
    response = await client.events()
    try:
        buffer = b""
        async for chunk in response.content.iter_any():
            *lines, buffer = (buffer + chunk).split(b"\n")
            if len(buffer) > MAX_LINE_BYTES:
                raise ContractError("a line without an end")
            for line in lines:
                # Each event is one object on one line; its name stands in it, too.
                if line.startswith(b"data:"):
                    yield as_object(json.loads(line[len(b"data:") :]))
    except (ClientError, TimeoutError, OSError) as error:
        raise CoreUnreachable(client.url) from error
    except ValueError as error:
        raise CoreNotUnderstood(client.url) from error
    finally:
        response.close()

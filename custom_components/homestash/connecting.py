"""Connecting to a core: nothing is kept before it was proved to work."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .client import CoreClient
from .const import CONF_INFO, CONF_TOKEN_ID
from .contract import Info, PairingRequest, Target
from .errors import CoreError
from .link import fetch_targets, stored_info, version_mismatch
from .pairing import PairingCode

_LOGGER = logging.getLogger(__name__)

LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that was tried and works."""

    info: Info
    data: dict[str, Any]
    targets: list[Target]


def core_client(hass: HomeAssistant, url: str, token: str | None) -> CoreClient:
    """Return a client that is spoken to in the language of this home."""
    session = async_get_clientsession(hass)
    return CoreClient(session, url, token, hass.config.language)


async def connect(
    hass: HomeAssistant, url: str, access: Mapping[str, Any], info: Info | None = None
) -> Connection:
    """Prove that both sides fit and that the token works. Raises `CoreError`."""
    client = core_client(hass, url, access[CONF_TOKEN])
    info = info or await client.info()
    if (mismatch := version_mismatch(info)) is not None:
        raise mismatch
    data = {
        CONF_URL: url,
        CONF_TOKEN: access[CONF_TOKEN],
        CONF_TOKEN_ID: access[CONF_TOKEN_ID],
        CONF_INFO: stored_info(info),
    }
    return Connection(info, data, await fetch_targets(client))


async def pair(hass: HomeAssistant, url: str, code: PairingCode) -> Connection:
    """Exchange a pairing code for an access, and prove that it works."""
    name = f"Home Assistant ({hass.config.location_name})"[:LONGEST_NAME]
    request = PairingRequest(secret=code.secret, client_name=name)
    result, info = await core_client(hass, url, None).pair(request)
    access = {CONF_TOKEN: result.token, CONF_TOKEN_ID: result.token_id}
    try:
        return await connect(hass, url, access, info)
    except CoreError:
        await revoke(hass, url, access, result.token_id)
        raise


async def revoke(
    hass: HomeAssistant, url: str, access: Mapping[str, Any], token_id: str
) -> None:
    """Leave no access behind that nobody uses, where that is possible."""
    try:
        await core_client(hass, url, access[CONF_TOKEN]).revoke(token_id)
    except CoreError as error:
        _LOGGER.debug("An access could not be revoked: %s", error)

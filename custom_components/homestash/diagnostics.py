"""What helps to find out what is wrong, without what nobody else may know."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant

from .const import CONF_PAIRING_CODE, CONF_TOKEN_ID
from .contract import API_VERSION, VERSION
from .errors import CoreError
from .link import HomestashConfigEntry
from .mirror import shown_targets

SECRETS: Final = {
    CONF_PAIRING_CODE,
    CONF_TOKEN,
    CONF_TOKEN_ID,
    "access_key",
    "ca_certificate",
    "customer_key",
    "kms_key",
    "proxy_password",
    "proxy_user",
    "secret",
    "secret_key",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: HomestashConfigEntry
) -> dict[str, Any]:
    """Return what is stored and what the core says at this moment."""
    link = entry.runtime_data
    targets: object
    try:
        targets = await link.client.targets()
    except CoreError as error:
        targets = {"error": error.key}
    return {
        "integration": {"version": VERSION, "api_version": API_VERSION},
        "entry": async_redact_data(dict(entry.data), SECRETS),
        "shown": [target.id for target in shown_targets(entry)],
        "connected": link.connected,
        "last_error": link.last_error.key if link.last_error else None,
        "targets": async_redact_data({"now": targets}, SECRETS)["now"],
    }

"""Names and numbers of the integration that are not part of the contract."""

from collections.abc import Callable
from typing import Final

from homeassistant.util.hass_dict import HassKey

DOMAIN: Final = "homestash"

CONF_ENTRY_ID: Final = "entry_id"
CONF_INFO: Final = "info"
CONF_INSTANCE_ID: Final = "instance_id"
CONF_PAIRING_CODE: Final = "pairing_code"
CONF_TARGET_ID: Final = "target_id"
CONF_TARGETS: Final = "targets"
CONF_TOKEN_ID: Final = "token_id"

SUBENTRY_TARGET: Final = "target"

# Whoever must hear that locations appeared or vanished.
BACKUP_AGENT_LISTENERS: HassKey[list[Callable[[], None]]] = HassKey(
    f"{DOMAIN}_backup_agent_listeners"
)

MIB: Final = 1024 * 1024

# A core on the same network answers a connection at once or not at all.
CONNECT_SECONDS: Final = 10.0
# The Backups page waits for the slowest location: nothing that it needs may take longer.
ANSWER_SECONDS: Final = 10.0
# Whether a core answers at all shows at once: a backup that is made waits for all lists
# and must not be late because of one that hangs.
PING_SECONDS: Final = 3.0
# Lists are asked for several times around a backup; one wait is enough.
SILENT_SECONDS: Final = 10.0
# Deleting and announcing touch the store itself, which may be slow to wake.
STORE_SECONDS: Final = 120.0
# Putting thousands of parts together can take a store this long without a byte being sent.
SLOWEST_STEP_SECONDS: Final = 15 * 60.0
# A download without a byte for so long is dead; the core gives up on its store earlier.
DOWNLOAD_IDLE_SECONDS: Final = 180.0
# Cleaning up must not hold up whoever is told of the failure.
CLEAN_UP_SECONDS: Final = 10.0
# A core that is updated or restarted is back within this time.
RESTART_SECONDS: Final = 120.0

"""The standing connection to a core: what it has is mirrored, and how it is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
import logging
import random
from typing import Any, Final

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryChange,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .client import CoreClient
from .const import BACKUP_AGENT_LISTENERS, CONF_INFO, DOMAIN
from .contract import (
    API_VERSION,
    EVENT_DEVICES_CHANGED,
    EVENT_GOODBYE,
    EVENT_HELLO,
    EVENT_OVERVIEW_CHANGED,
    EVENT_TARGETS_CHANGED,
    VERSION,
    ContractError,
    Info,
    Notice,
    Target,
)
from .device_follower import MirrorFollower
from .errors import CoreError, CoreNotUnderstood, CoreUnreachable
from .events import read_events
from .mirror import mirror, shown_targets, subentry_data, target_of
from .notices import show_notices

_LOGGER = logging.getLogger(__name__)

# Pauses between tries to connect (seconds): short, for a restart; then such that nobody is bothered.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0

# An absence that lasts longer is no restart and no update any more (seconds).
AWAY_SECONDS: Final = 600.0

type HomestashConfigEntry = ConfigEntry[CoreLink]


def version_mismatch(info: Info) -> CoreError | None:
    """Say which side must be updated, if one must. A core serves older contracts, too."""
    params = {"core_version": info.version, "integration_version": VERSION}
    if info.min_api_version > API_VERSION:
        return CoreError("integration_too_old", params)
    if info.api_version < API_VERSION:
        return CoreError("core_too_old", params)
    return None


def stored_info(info: Info) -> dict[str, Any]:
    """Return what is kept of a core: names of things, nothing that changes by itself."""
    return {
        "instance_id": info.instance_id,
        "name": info.name,
        "version": info.version,
        "api_version": info.api_version,
        "min_api_version": info.min_api_version,
    }


async def fetch_targets(client: CoreClient) -> list[Target]:
    """Fetch what is kept of the targets."""
    targets = await client.targets()
    try:
        return [Target.from_dict(target) for target in targets]
    except ContractError as error:
        raise CoreNotUnderstood(client.url) from error


@callback
def notify_backup_listeners(hass: HomeAssistant) -> None:
    """Tell that locations appeared or vanished."""
    for listener in list(hass.data.get(BACKUP_AGENT_LISTENERS, ())):
        listener()


def issue_id(entry: ConfigEntry[Any]) -> str:
    """Return the id of the notice that one side is too old."""
    return f"version_{entry.entry_id}"


def away_issue_id(entry: ConfigEntry[Any]) -> str:
    """Return the id of the notice that the core is away."""
    return f"away_{entry.entry_id}"


class CoreLink:
    """Follows one core and mirrors its targets into the config entry."""

    def __init__(
        self, hass: HomeAssistant, entry: HomestashConfigEntry, client: CoreClient
    ) -> None:
        """Keep both sides."""
        self._hass = hass
        self._entry = entry
        self._mismatch: CoreError | None = None
        self._warned: set[str] = set()
        self._shown = shown_targets(entry)
        self._notices: list[Notice] = []
        self.client = client
        self.devices = MirrorFollower(hass, entry, client)
        self._seen = asyncio.get_running_loop().time()
        self.connected = False
        self.last_error: CoreError | None = None

    async def run(self) -> None:
        """Stay connected, for as long as the entry is loaded."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._follow()
            except CoreError as error:
                self._lost(error)
                self.heed(error)
            if self.connected:
                self.connected = False
                self._seen = asyncio.get_running_loop().time()
                pause = FIRST_PAUSE
            self._notice_absence()
            # Several homes behind one restarted core do not come back in step.
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _follow(self) -> None:
        """Read events until the connection ends; whatever was before `hello` is fetched."""
        async for event in read_events(self.client):
            match event.get("event"):
                case name if name == EVENT_HELLO:
                    await self._refresh_info()
                    await self._refresh_targets()
                    self._found()
                    await self._refresh_notices()
                    self.devices.changed()
                case name if name == EVENT_DEVICES_CHANGED:
                    self.devices.changed()
                case name if name == EVENT_TARGETS_CHANGED:
                    await self._refresh_targets()
                case name if name == EVENT_OVERVIEW_CHANGED:
                    await self._refresh_notices()
                case name if name == EVENT_GOODBYE:
                    return

    async def _refresh_info(self) -> None:
        """Learn who answers; another core must not replace the targets of ours."""
        info = await self.client.info()
        if info.instance_id != self._entry.unique_id:
            raise CoreError("core_other", {"url": self.client.url})
        data = {**self._entry.data, CONF_INFO: stored_info(info)}
        self._hass.config_entries.async_update_entry(self._entry, data=data)
        self._mismatch = version_mismatch(info)
        if self._mismatch is None:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id(self._entry))
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id(self._entry),
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key=self._mismatch.key,
            translation_placeholders={"name": info.name, **self._mismatch.params},
        )
        raise self._mismatch

    async def _refresh_targets(self) -> None:
        """Mirror the targets; the locations follow without a restart."""
        mirror(self._hass, self._entry, await fetch_targets(self.client))

    async def _refresh_notices(self) -> None:
        """Show what needs a person; that this is not known holds up nothing else."""
        try:
            self._notices = await self.client.notices()
        except CoreError as error:
            _LOGGER.debug("%s does not say what is wrong: %s", self._entry.title, error)
            return
        show_notices(self._hass, self._entry, self._notices)

    @callback
    def entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Tell when locations appeared, vanished, or have another name."""
        if entry.entry_id != self._entry.entry_id:
            return
        for subentry in list(entry.subentries.values()):
            if subentry.title != subentry.data["name"]:
                self._rename(subentry)
        shown = shown_targets(entry)
        if shown != self._shown:
            self._shown = shown
            notify_backup_listeners(self._hass)
            show_notices(self._hass, entry, self._notices)

    def _rename(self, subentry: ConfigSubentry) -> None:
        """Take a name to the core that a person gave here; it owns the names."""
        target = replace(target_of(subentry), name=subentry.title)
        self._hass.config_entries.async_update_subentry(
            self._entry, subentry, data=subentry_data(target)
        )
        self._entry.async_create_task(self._hass, self._tell_name(target))

    async def _tell_name(self, target: Target) -> None:
        try:
            await self.client.save_target(target.id, {"name": target.name})
        except CoreError as error:
            # With the next list the former name comes back.
            self.heed(error)
            _LOGGER.warning("%s cannot be renamed: %s", target.name, error)

    def _found(self) -> None:
        if self.last_error is not None:
            _LOGGER.info("%s is connected again", self._entry.title)
        self.connected = True
        self.last_error = None
        ir.async_delete_issue(self._hass, DOMAIN, away_issue_id(self._entry))

    def _notice_absence(self) -> None:
        """Tell the person when the core stays away: no backup would arrive."""
        away = asyncio.get_running_loop().time() - self._seen
        unreachable = isinstance(self.last_error, CoreUnreachable)
        if not unreachable or away < AWAY_SECONDS:
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            away_issue_id(self._entry),
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="core_away",
            translation_placeholders={
                "name": self._entry.title,
                "url": self.client.url,
            },
        )

    def _lost(self, error: CoreError) -> None:
        """Log the loss once and not at each try."""
        if self.last_error is None or self.last_error.key != error.key:
            _LOGGER.info("%s is not connected: %s", self._entry.title, error)
        self.last_error = error

    def check(self) -> None:
        """Refuse to work with a core whose words may mean something else."""
        if self._mismatch is not None:
            raise self._mismatch

    def heed(self, error: CoreError) -> None:
        """Ask for a new pairing where the core does not accept the token any more."""
        if error.kind == "auth":
            self._entry.async_start_reauth(self._hass)

    def warn_once(self, message: str) -> None:
        """Warn of something that stays as it is."""
        if message not in self._warned:
            self._warned.add(message)
            _LOGGER.warning(message)

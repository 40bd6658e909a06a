"""Connecting a core: found or with a pairing code, once more, or at another address."""

from collections.abc import Awaitable, Mapping
import json
import logging
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_NAME, CONF_TOKEN, CONF_URL
from homeassistant.core import callback
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
import voluptuous as vol

from .connecting import Connection, connect, pair, revoke
from .const import (
    CONF_PAIRING_CODE,
    CONF_TARGETS,
    CONF_TOKEN_ID,
    DOMAIN,
    SUBENTRY_TARGET,
)
from .contract import VERSION, PairingAnnouncement, SupervisorDiscovery
from .errors import CoreError, CoreNotUnderstood, CoreProblem, CoreUnreachable, problem
from .mirror import new_subentry
from .pairing import InputError, read_pairing_code, read_url
from .target_flow import TargetFlow

_LOGGER = logging.getLogger(__name__)

# Problems that the forms have a sentence for, and the field that they belong to.
FIELDS: Final = {
    "pairing_code_invalid": CONF_PAIRING_CODE,
    "unauthorized": CONF_PAIRING_CODE,
    "rate_limited": "base",
}

CODE_SCHEMA: Final = vol.Schema(
    {vol.Required(CONF_PAIRING_CODE): str, vol.Optional(CONF_URL): str}
)
URL_SCHEMA: Final = vol.Schema(
    {vol.Required(CONF_URL): str, vol.Optional(CONF_PAIRING_CODE): str}
)
CONFIRM_SCHEMA: Final = vol.Schema({})


class HomestashConfigFlow(ConfigFlow, domain=DOMAIN):
    """The forms with which a person connects a core."""

    VERSION = 1
    MINOR_VERSION = 2

    # What was found, and how to come in there.
    _url: str
    _access: dict[str, str]

    def __init__(self) -> None:
        """Start without an error."""
        self._errors: dict[str, str] = {}
        # Every sentence finds its values, whichever it will be.
        self._placeholders = {
            "core_version": "",
            "integration_version": VERSION,
            "name": "",
            "problem": "",
            "url": "",
        }

    @classmethod
    @callback
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry[Any]
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the forms for targets."""
        return {SUBENTRY_TARGET: TargetFlow}

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect a core with a pairing code."""
        connection = await self._try(user_input)
        if connection is None:
            return self._form("user", CODE_SCHEMA, user_input)
        # A code that was used counts more than a discovery that nobody has answered.
        existing = await self.async_set_unique_id(
            connection.info.instance_id, raise_on_progress=False
        )
        if existing is not None and existing.source != SOURCE_IGNORE:
            self._renew(existing, connection)
        return self._create(connection)

    async def async_step_hassio(
        self, discovery_info: HassioServiceInfo
    ) -> ConfigFlowResult:
        """Meet a core that runs as an app: its message brings the access along."""
        try:
            found = SupervisorDiscovery.from_dict(discovery_info.config)
            url = read_url(f"http://{found.host}:{found.port}")
        except (InputError, ValueError) as error:
            return self._abort_unreadable(error)
        self._access = {CONF_TOKEN: found.token, CONF_TOKEN_ID: found.token_id}
        entry = await self._meet(found.instance_id, found.name, url)
        if entry is None:
            return await self.async_step_hassio_confirm()
        if entry.data.get(CONF_TOKEN) == found.token and self._is_at(entry):
            return self.async_abort(reason="already_configured")
        return await self._rediscover(entry, self._access)

    async def async_step_hassio_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect it with one click."""
        if user_input is not None:
            connection = await self._attempt(
                connect(self.hass, self._url, self._access)
            )
            if connection is not None:
                if connection.info.instance_id != self.unique_id:
                    return self.async_abort(reason="wrong_instance")
                return self._create(connection)
            if self._errors.pop(CONF_PAIRING_CODE, None) is not None:
                # It announces another one: a new discovery comes by itself.
                return self._abort("access_refused")
        return self._form("hassio_confirm", CONFIRM_SCHEMA, None)

    async def async_step_mqtt(
        self, discovery_info: MqttServiceInfo
    ) -> ConfigFlowResult:
        """Meet a core that announces itself at the broker: a code must be entered."""
        try:
            payload = json.loads(discovery_info.payload)
            found = PairingAnnouncement.from_dict(payload)
            url = read_url(found.url)
        except (InputError, ValueError) as error:
            return self._abort_unreadable(error)
        entry = await self._meet(found.instance_id, found.name, url)
        if entry is None:
            return await self.async_step_mqtt_confirm()
        # Whoever can write to a broker can announce any address: the access goes to
        # none while the core answers where it has been.
        if self._is_at(entry) or self._answers(entry):
            return self.async_abort(reason="already_configured")
        return await self._rediscover(entry, entry.data)

    async def async_step_mqtt_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect it with a pairing code."""
        connection = await self._try(user_input)
        if connection is None:
            shown = user_input or {CONF_URL: self._url}
            return self._form("mqtt_confirm", CODE_SCHEMA, shown)
        if connection.info.instance_id != self.unique_id:
            await self._revoke(connection, connection.data[CONF_TOKEN_ID])
            return self.async_abort(reason="wrong_instance")
        return self._create(connection)

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Start again after the core refused the token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect the same core, or its successor, with a new pairing code."""
        entry = self._get_reauth_entry()
        connection = await self._try(user_input)
        if connection is None:
            return self._form("reauth_confirm", CODE_SCHEMA, user_input, entry)
        return await self._update(entry, connection)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Find the same core at another address, or its successor."""
        entry = self._get_reconfigure_entry()
        connection = await self._try(user_input, entry)
        if connection is None:
            shown = user_input or {CONF_URL: entry.data[CONF_URL]}
            return self._form("reconfigure", URL_SCHEMA, shown, entry)
        return await self._update(entry, connection)

    def _form(
        self,
        step: str,
        # Newer versions of Home Assistant have another package under this name.
        schema: Any,
        shown: dict[str, Any] | None,
        entry: ConfigEntry[Any] | None = None,
    ) -> ConfigFlowResult:
        if entry is not None:
            self._placeholders[CONF_NAME] = entry.title
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=self._errors,
            description_placeholders=self._placeholders,
        )

    def _abort(self, reason: str) -> ConfigFlowResult:
        return self.async_abort(
            reason=reason, description_placeholders=self._placeholders
        )

    def _abort_unreadable(self, error: Exception) -> ConfigFlowResult:
        _LOGGER.warning("A discovery cannot be read: %s", error)
        return self.async_abort(reason="discovery_unreadable")

    def _create(self, connection: Connection) -> ConfigFlowResult:
        targets = connection.targets
        known = {CONF_TARGETS: [target.as_dict() for target in targets]}
        return self.async_create_entry(
            title=connection.info.name,
            data=connection.data | known,
            subentries=[new_subentry(target) for target in targets],
        )

    async def _meet(
        self, instance_id: str, name: str, url: str
    ) -> ConfigEntry[Any] | None:
        """Return the entry of a core that was found, if it has one."""
        self._url = url
        self._placeholders |= {CONF_NAME: name, CONF_URL: url}
        self.context["title_placeholders"] = {CONF_NAME: name}
        entry = await self.async_set_unique_id(instance_id)
        if entry is not None and entry.source == SOURCE_IGNORE:
            self._abort_if_unique_id_configured()
        return entry

    def _is_at(self, entry: ConfigEntry[Any]) -> bool:
        """Return whether the entry's core was found where it has been."""
        return bool(entry.data[CONF_URL] == self._url)

    def _answers(self, entry: ConfigEntry[Any]) -> bool:
        """Return whether the entry's core is connected."""
        return entry.state is ConfigEntryState.LOADED and entry.runtime_data.connected

    async def _rediscover(
        self, entry: ConfigEntry[Any], access: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Update an entry, but only by what has worked with the same core."""
        connection = await self._attempt(connect(self.hass, self._url, access))
        if connection is None:
            return self._abort(next(iter(self._errors.values())))
        if connection.info.instance_id != entry.unique_id:
            return self.async_abort(reason="wrong_instance")
        for flow in entry.async_get_active_flows(self.hass, {SOURCE_REAUTH}):
            self.hass.config_entries.flow.async_abort(flow["flow_id"])
        self._renew(entry, connection)
        return self.async_abort(reason="already_configured")

    def _renew(self, entry: ConfigEntry[Any], connection: Connection) -> None:
        """Give the entry that is there the new access, and end with that."""
        self._give_back(entry, connection)
        self._abort_if_unique_id_configured(updates=connection.data)

    async def _try(
        self, user_input: dict[str, Any] | None, entry: ConfigEntry[Any] | None = None
    ) -> Connection | None:
        """Connect with what was entered; what is wrong with it is kept for the form."""
        self._errors = {}
        if user_input is None:
            return None
        return await self._attempt(self._connect(user_input, entry))

    async def _attempt(self, connecting: Awaitable[Connection]) -> Connection | None:
        self._errors = {}
        try:
            return await connecting
        except InputError as error:
            self._errors = {error.field: error.key}
        except CoreError as error:
            self._explain(error)
        return None

    async def _connect(
        self, user_input: dict[str, Any], entry: ConfigEntry[Any] | None
    ) -> Connection:
        entered = (user_input.get(CONF_URL) or "").strip()
        text = (user_input.get(CONF_PAIRING_CODE) or "").strip()
        if not text and entry is not None:
            url = self._placeholders[CONF_URL] = read_url(entered)
            return await connect(self.hass, url, entry.data)
        code = read_pairing_code(text)
        url = self._placeholders[CONF_URL] = read_url(entered or code.url)
        return await pair(self.hass, url, code)

    async def _update(
        self, entry: ConfigEntry[Any], connection: Connection
    ) -> ConfigFlowResult:
        """Keep a new access or address; a new core may take the place of a lost one.

        After a fire the restored home knows the core that burnt. A pairing code of the
        new one says that this is meant.
        """
        instance_id = connection.info.instance_id
        if instance_id == entry.unique_id:
            self._give_back(entry, connection)
        else:
            token_id = connection.data[CONF_TOKEN_ID]
            has_code = token_id != entry.data[CONF_TOKEN_ID]
            other = self.hass.config_entries.async_entry_for_domain_unique_id(
                DOMAIN, instance_id
            )
            if not has_code or other is not None:
                if has_code:
                    await self._revoke(connection, token_id)
                return self.async_abort(reason="wrong_instance")
        return self.async_update_reload_and_abort(
            entry, unique_id=instance_id, data_updates=connection.data
        )

    def _give_back(self, entry: ConfigEntry[Any], connection: Connection) -> None:
        """Revoke the access that an entry has had so far, once the new one is kept."""
        token_id = entry.data[CONF_TOKEN_ID]
        if token_id != connection.data[CONF_TOKEN_ID]:
            revoking = self._revoke(connection, token_id)
            self.hass.async_create_task(revoking, eager_start=False)

    async def _revoke(self, connection: Connection, token_id: str) -> None:
        await revoke(self.hass, connection.data[CONF_URL], connection.data, token_id)

    def _explain(self, error: CoreError) -> None:
        """Find the sentence for an error."""
        if isinstance(error, CoreUnreachable):
            self._errors = {"base": "cannot_connect"}
        elif isinstance(error, CoreNotUnderstood):
            self._errors = {"base": "not_homestash"}
        elif problem(error, *FIELDS):
            self._errors = {FIELDS[error.key]: error.key}
        elif isinstance(error, CoreProblem):
            self._placeholders["problem"] = f"{error.title} {error.hint}"
            self._errors = {"base": "core_problem"}
        else:
            self._placeholders["core_version"] = error.params["core_version"]
            self._errors = {"base": error.key}

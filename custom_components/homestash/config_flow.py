"""Connecting a core: with a pairing code, again with a new one, or at another address."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_NAME, CONF_TOKEN, CONF_URL
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import voluptuous as vol

from .client import CoreClient
from .const import CONF_INFO, CONF_PAIRING_CODE, CONF_TARGETS, CONF_TOKEN_ID, DOMAIN
from .contract import VERSION, Info, PairingRequest
from .errors import CoreError, CoreNotUnderstood, CoreProblem, CoreUnreachable, problem
from .link import fetch_targets, stored_info, version_mismatch
from .pairing import InputError, read_pairing_code, read_url

_LOGGER = logging.getLogger(__name__)

# Problems that the forms have a sentence for, and the field that they belong to.
FIELDS: Final = {
    "pairing_code_invalid": CONF_PAIRING_CODE,
    "unauthorized": CONF_PAIRING_CODE,
    "rate_limited": "base",
}

LONGEST_NAME: Final = 100

CODE_SCHEMA: Final = vol.Schema(
    {vol.Required(CONF_PAIRING_CODE): str, vol.Optional(CONF_URL): str}
)
URL_SCHEMA: Final = vol.Schema(
    {vol.Required(CONF_URL): str, vol.Optional(CONF_PAIRING_CODE): str}
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that was tried and works."""

    info: Info
    data: dict[str, Any]


class HomestashConfigFlow(ConfigFlow, domain=DOMAIN):
    """The forms with which a person connects a core."""

    VERSION = 1
    MINOR_VERSION = 1

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

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect a core with a pairing code."""
        connection = await self._try(user_input)
        if connection is None:
            return self._form("user", CODE_SCHEMA, user_input)
        existing = await self.async_set_unique_id(connection.info.instance_id)
        if existing is not None:
            self._give_back(existing, connection)
            self._abort_if_unique_id_configured(updates=connection.data)
        return self.async_create_entry(title=connection.info.name, data=connection.data)

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

    async def _try(
        self, user_input: dict[str, Any] | None, entry: ConfigEntry[Any] | None = None
    ) -> Connection | None:
        """Connect with what was entered; what is wrong with it is kept for the form."""
        self._errors = {}
        if user_input is None:
            return None
        try:
            return await self._connect(user_input, entry)
        except InputError as error:
            self._errors = {error.field: error.key}
        except CoreError as error:
            self._explain(error)
        return None

    async def _connect(
        self, user_input: dict[str, Any], entry: ConfigEntry[Any] | None
    ) -> Connection:
        session = async_get_clientsession(self.hass)
        entered = (user_input.get(CONF_URL) or "").strip()
        text = (user_input.get(CONF_PAIRING_CODE) or "").strip()
        if not text and entry is not None:
            url = read_url(entered)
            self._placeholders[CONF_URL] = url
            client = CoreClient(session, url, entry.data[CONF_TOKEN])
            return await self._check(client, await client.info(), entry.data)
        code = read_pairing_code(text)
        url = read_url(entered or code.url)
        self._placeholders[CONF_URL] = url
        name = f"Home Assistant ({self.hass.config.location_name})"[:LONGEST_NAME]
        request = PairingRequest(secret=code.secret, client_name=name)
        result, info = await CoreClient(session, url, None).pair(request)
        access = {CONF_TOKEN: result.token, CONF_TOKEN_ID: result.token_id}
        client = CoreClient(session, url, result.token)
        try:
            return await self._check(client, info, access)
        except CoreError:
            await self._revoke(client, result.token_id)
            raise

    async def _check(
        self, client: CoreClient, info: Info, access: Mapping[str, Any]
    ) -> Connection:
        """Prove that both sides fit and that the token works, before anything is kept."""
        if (mismatch := version_mismatch(info)) is not None:
            raise mismatch
        data = {
            CONF_URL: client.url,
            CONF_TOKEN: access[CONF_TOKEN],
            CONF_TOKEN_ID: access[CONF_TOKEN_ID],
            CONF_INFO: stored_info(info),
            CONF_TARGETS: await fetch_targets(client),
        }
        return Connection(info, data)

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
                    await self._revoke(self._client(connection), token_id)
                return self.async_abort(reason="wrong_instance")
        return self.async_update_reload_and_abort(
            entry, unique_id=instance_id, data_updates=connection.data
        )

    def _client(self, connection: Connection) -> CoreClient:
        session = async_get_clientsession(self.hass)
        data = connection.data
        return CoreClient(session, data[CONF_URL], data[CONF_TOKEN])

    def _give_back(self, entry: ConfigEntry[Any], connection: Connection) -> None:
        """Revoke the access that an entry has had so far, once the new one is kept."""
        token_id = entry.data[CONF_TOKEN_ID]
        if token_id != connection.data[CONF_TOKEN_ID]:
            revoke = self._revoke(self._client(connection), token_id)
            self.hass.async_create_task(revoke, eager_start=False)

    async def _revoke(self, client: CoreClient, token_id: str) -> None:
        """Leave no access behind that nobody uses, where that is possible."""
        try:
            await client.revoke(token_id)
        except CoreError as error:
            _LOGGER.debug("An access could not be revoked: %s", error)

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

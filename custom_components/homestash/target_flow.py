"""Adding and changing targets in Home Assistant's own forms; the core decides."""

from typing import Any, Final

from homeassistant.components.backup import async_get_manager
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
import voluptuous as vol

from .const import DOMAIN
from .contract import Provider, Target
from .errors import CoreError, explained
from .link import CoreLink
from .mirror import drop_subentry, hidden_targets, subentry_data, target_of
from .target_editor import KIND_FOLDER, KIND_S3, TargetEditor
from .target_form import form

CONF_AUTOMATIC: Final = "automatic"
CONF_PROVIDER: Final = "provider"
CONF_TARGET: Final = "target"

BACKUPS_URL: Final = "/config/backup"


def _choice(
    name: str, options: list[SelectOptionDict], translation_key: str | None = None
) -> Any:
    config = SelectSelectorConfig(options=options)
    if translation_key is not None:
        config["translation_key"] = translation_key
    return form({vol.Required(name): SelectSelector(config)})


class TargetFlow(ConfigSubentryFlow):
    """The forms with which a person adds or changes a target."""

    _target: Target
    _editor: TargetEditor

    def __init__(self) -> None:
        """Know no provider yet."""
        self._providers: list[Provider] = []

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a target, or show one again that was hidden here."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if hidden_targets(self._get_entry()):
            return self.async_show_menu(
                step_id="user", menu_options=["provider", "show"]
            )
        return await self.async_step_provider()

    async def async_step_show(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show a target again."""
        hidden = {
            target.unique_id: target for target in hidden_targets(self._get_entry())
        }
        if user_input is None:
            options = [
                SelectOptionDict(value=unique_id, label=target.name)
                for unique_id, target in hidden.items()
            ]
            schema = _choice(CONF_TARGET, options)
            return self.async_show_form(step_id="show", data_schema=schema)
        return self._add(hidden[user_input[CONF_TARGET]])

    async def async_step_provider(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose what fills in the form."""
        if user_input is None:
            try:
                self._providers = await self._link.client.providers()
            except CoreError as error:
                return self._abort(error)
            options = [SelectOptionDict(value=KIND_FOLDER, label=KIND_FOLDER)] + [
                SelectOptionDict(value=provider.id, label=provider.name)
                for provider in self._providers
            ]
            schema = _choice(CONF_PROVIDER, options, CONF_PROVIDER)
            return self.async_show_form(step_id="provider", data_schema=schema)
        self._editor = TargetEditor(self._link)
        for provider in self._providers:
            if provider.id == user_input[CONF_PROVIDER]:
                self._editor.take(provider)
                return await self.async_step_s3()
        return await self.async_step_folder()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a target."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        self._target = target_of(self._get_reconfigure_subentry())
        self._editor = TargetEditor(self._link, self._target)
        try:
            kind = await self._editor.load(self._target)
        except CoreError as error:
            return self._abort(error)
        return await self._settings(kind, None)

    async def async_step_s3(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the settings of a bucket."""
        return await self._settings(KIND_S3, user_input)

    async def async_step_folder(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the settings of a folder."""
        return await self._settings(KIND_FOLDER, user_input)

    async def async_step_automatic(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer to use a new target for automatic backups; the others stay in use."""
        config = async_get_manager(self.hass).config
        if user_input is None:
            schema = form({vol.Required(CONF_AUTOMATIC, default=True): bool})
            return self.async_show_form(
                step_id="automatic",
                data_schema=schema,
                description_placeholders={CONF_NAME: self._target.name},
            )
        agent_ids = config.data.create_backup.agent_ids
        agent_id = f"{DOMAIN}.{self._target.unique_id}"
        if user_input[CONF_AUTOMATIC] and agent_id not in agent_ids:
            config.update(create_backup={"agent_ids": [*agent_ids, agent_id]})
        return self._add(self._target)

    async def async_step_by_hand(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what to do where there are no automatic backups yet."""
        if user_input is None:
            return self.async_show_form(
                step_id="by_hand",
                description_placeholders={
                    CONF_NAME: self._target.name,
                    "backups_url": BACKUPS_URL,
                },
            )
        return self._add(self._target)

    @property
    def _link(self) -> CoreLink:
        link: CoreLink = self._get_entry().runtime_data
        return link

    def _abort(self, error: CoreError) -> SubentryFlowResult:
        reason, placeholders = explained(error)
        return self.async_abort(reason=reason, description_placeholders=placeholders)

    async def _settings(
        self, kind: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        """Ask until the core is content."""
        editor = self._editor
        if user_input is not None:
            target = await editor.save(kind, user_input)
            if target is not None:
                return await self._saved(target)
        return self.async_show_form(
            step_id=kind,
            data_schema=self.add_suggested_values_to_schema(
                editor.schema(kind), editor.shown
            ),
            errors=editor.errors,
            description_placeholders=editor.placeholders,
        )

    async def _saved(self, target: Target) -> SubentryFlowResult:
        self._target = target
        entry: ConfigEntry[Any] = self._get_entry()
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                entry,
                self._get_reconfigure_subentry(),
                title=target.name,
                data=subentry_data(target),
            )
        config = async_get_manager(self.hass).config.data
        if config.automatic_backups_configured:
            return await self.async_step_automatic()
        return await self.async_step_by_hand()

    def _add(self, target: Target) -> SubentryFlowResult:
        """End with the subentry, also where the core's event was quicker."""
        drop_subentry(self.hass, self._get_entry(), target.unique_id)
        return self.async_create_entry(
            title=target.name,
            data=subentry_data(target),
            unique_id=target.unique_id,
        )

"""The forms of repairs: a target is changed, or devices are taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import CONF_ENTRY_ID, CONF_INSTANCE_ID, CONF_TARGET_ID, DOMAIN
from .contract import Target
from .device_adoption import AdoptionFlow
from .errors import CoreError, explained
from .mirror import shown_targets
from .target_editor import KIND_FOLDER, KIND_S3, TargetEditor

if TYPE_CHECKING:
    # Older versions of Home Assistant do not have it.
    from homeassistant.components.repairs import RepairsFlowResult

type RepairsData = dict[str, str | int | float | None]


class TargetRepairFlow(RepairsFlow):
    """Changes a target until the core can work with it again."""

    _editor: TargetEditor

    def __init__(self, entry: ConfigEntry[Any] | None, target: Target | None) -> None:
        """Keep what is to be changed, as far as it is still there."""
        self._entry = entry
        self._target = target

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what is set."""
        if self._entry is None or self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if self._target is None:
            return self.async_abort(reason="target_gone")
        self._editor = TargetEditor(self._entry.runtime_data, self._target)
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        if issue is not None:
            self._editor.placeholders |= issue.translation_placeholders or {}
        try:
            kind = await self._editor.load(self._target)
        except CoreError as error:
            reason, placeholders = explained(error)
            return self.async_abort(
                reason=reason, description_placeholders=placeholders
            )
        return await self._settings(kind, None)

    async def async_step_s3(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask for the settings of a bucket."""
        return await self._settings(KIND_S3, user_input)

    async def async_step_folder(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask for the settings of a folder."""
        return await self._settings(KIND_FOLDER, user_input)

    async def _settings(
        self, kind: str, user_input: dict[str, Any] | None
    ) -> RepairsFlowResult:
        """Ask until the core is content; the issue then goes with the flow."""
        editor = self._editor
        if user_input is not None and await editor.save(kind, user_input) is not None:
            return self.async_create_entry(data={})
        return self.async_show_form(
            step_id=kind,
            data_schema=self.add_suggested_values_to_schema(
                editor.schema(kind), editor.shown
            ),
            errors=editor.errors,
            description_placeholders=editor.placeholders,
        )


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: RepairsData | None
) -> RepairsFlow:
    """Return the form for what is wrong."""
    wanted = data or {}
    entry = hass.config_entries.async_get_entry(str(wanted.get(CONF_ENTRY_ID)))
    if CONF_INSTANCE_ID in wanted:
        return AdoptionFlow(entry, str(wanted[CONF_INSTANCE_ID]))
    shown = shown_targets(entry) if entry else []
    found = (target for target in shown if target.id == wanted.get(CONF_TARGET_ID))
    return TargetRepairFlow(entry, next(found, None))

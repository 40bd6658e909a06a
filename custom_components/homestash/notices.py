"""What needs a person, as the core words it: repairs of this home."""

from collections.abc import Iterable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_ENTRY_ID, CONF_TARGET_ID, DOMAIN
from .contract import REPAIRS, Notice
from .errors import UNKNOWN
from .mirror import hidden_targets

# What a newer core tells of beyond our sentences comes with its own.
OTHER_NOTICE: Final = "core_notice"

# What new settings of a target mend.
ACTION_EDIT_TARGET: Final = "edit_target"


def _prefix(entry: ConfigEntry[Any]) -> str:
    return f"notice_{entry.entry_id}_"


def _create(
    hass: HomeAssistant, entry: ConfigEntry[Any], issue_id: str, notice: Notice
) -> None:
    values = {**notice.params, "title": notice.title, "text": notice.text}
    key = notice.code if notice.code in REPAIRS else OTHER_NOTICE
    names = REPAIRS.get(key, ("title", "text"))
    has_form = key in REPAIRS and notice.action == ACTION_EDIT_TARGET
    is_error = notice.severity == "error"
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={CONF_ENTRY_ID: entry.entry_id, CONF_TARGET_ID: notice.target_id},
        is_fixable=has_form,
        severity=ir.IssueSeverity.ERROR if is_error else ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders={name: values.get(name, UNKNOWN) for name in names},
    )


@callback
def show_notices(
    hass: HomeAssistant, entry: ConfigEntry[Any], notices: Iterable[Notice]
) -> None:
    """Show those that a person shall see here, and none that is over."""
    hidden = {target.id for target in hidden_targets(entry)}
    wanted = {
        _prefix(entry) + notice.id: notice
        for notice in notices
        if notice.repair and notice.target_id not in hidden
    }
    for domain, issue_id in list(ir.async_get(hass).issues):
        is_ours = domain == DOMAIN and issue_id.startswith(_prefix(entry))
        if is_ours and issue_id not in wanted:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
    for issue_id, notice in wanted.items():
        _create(hass, entry, issue_id, notice)

"""The form for a target, drawn from the fields that the contract describes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .contract import TARGET_FIELDS, Field

ADVANCED: Final = "advanced"

# In the addresses of some providers the region stands where this is.
REGION: Final = "{region}"


def form(fields: Mapping[Any, Any]) -> Any:
    """Return a schema: newer versions of Home Assistant have another package for it."""
    return vol.Schema(dict(fields))


def _text(field: Field, known: Sequence[str]) -> Any:
    if known:
        return SelectSelector(
            SelectSelectorConfig(options=list(known), custom_value=True)
        )
    return TextSelector(TextSelectorConfig(multiline=field.type == "multiline"))


def _number(field: Field, _known: Sequence[str]) -> Any:
    config = NumberSelectorConfig(min=0, step="any", mode=NumberSelectorMode.BOX)
    if field.unit is not None:
        config["unit_of_measurement"] = field.unit
    return NumberSelector(config)


def _one_of(field: Field, _known: Sequence[str]) -> Any:
    options = list(field.choices)
    config = SelectSelectorConfig(options=options, translation_key=field.name)
    return SelectSelector(config)


def _secret(_field: Field, _known: Sequence[str]) -> Any:
    return TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))


def _switch(_field: Field, _known: Sequence[str]) -> Any:
    return BooleanSelector()


# How fields are asked for; what else a newer contract has is a text.
SELECTORS: Final = {
    "choice": _one_of,
    "number": _number,
    "secret": _secret,
    "switch": _switch,
}


def target_schema(kind: str, regions: Sequence[str], *, is_new: bool) -> Any:
    """Return the form. Secrets of a target that exists may be left out: they stay."""
    plain: dict[Any, Any] = {vol.Required(CONF_NAME): TextSelector()}
    advanced: dict[Any, Any] = {}
    for field in TARGET_FIELDS[kind]:
        needed = field.required and (is_new or field.type != "secret")
        marker = vol.Required if needed else vol.Optional
        known = regions if field.name == "region" else ()
        part = advanced if field.advanced else plain
        ask = SELECTORS.get(field.type, _text)
        part[marker(field.name)] = ask(field, known)
    if advanced:
        plain[vol.Required(ADVANCED)] = section(form(advanced), {"collapsed": True})
    return form(plain)


def form_values(name: str, kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the form at first: what is set, else where fields begin."""
    values: dict[str, Any] = {CONF_NAME: name, ADVANCED: {}}
    for field in TARGET_FIELDS[kind]:
        value = settings.get(field.name, field.default)
        if value != "":
            part = values[ADVANCED] if field.advanced else values
            part[field.name] = value
    return values


def entered_target(kind: str, entered: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was entered as the core takes it: what was cleared is empty."""
    values = {**entered, **entered.get(ADVANCED, {})}
    settings: dict[str, Any] = {"kind": kind}
    for field in TARGET_FIELDS[kind]:
        if field.name in values:
            settings[field.name] = values[field.name]
        elif field.type != "secret":
            is_text = field.type in {"text", "multiline"}
            settings[field.name] = "" if is_text else field.default
    if REGION in settings.get("endpoint", ""):
        region = settings["region"].strip()
        settings["endpoint"] = settings["endpoint"].replace(REGION, region)
        settings["region"] = ""
    return {"name": entered[CONF_NAME], "settings": settings}

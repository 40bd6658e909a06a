"""Hold discovery messages against the schemas of the Home Assistant that is installed here.

Reads a list of device payloads, each with the document of the device, as JSON. Prints what Home Assistant complains
of, and what it reads out of each document.
"""

import asyncio
import importlib
import json
import sys
from typing import Any

from homeassistant.components.mqtt import discovery, schemas
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template


def complaints(payload: dict[str, Any]) -> list[str]:
    """What Home Assistant would complain of, or not understand."""
    discovery._replace_all_abbreviations(payload)  # noqa: SLF001
    schemas.DEVICE_DISCOVERY_SCHEMA(payload)
    # newer versions look at the components, too
    if validate := getattr(discovery, "validate_device_discovery_components", None):
        validate(payload)
    found = []
    for key, component in payload["components"].items():
        platform = component["platform"]
        config = {**component, "device": payload["device"]}
        for option in schemas.SHARED_OPTIONS:
            if option in payload and option not in config:
                config[option] = payload[option]
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        try:
            understood = module.DISCOVERY_SCHEMA(dict(config))
        except Exception as error:  # noqa: BLE001
            found.append(f"{key}: {error}")
            continue
        # schemas drop what they do not know; what is inherited need not fit every platform
        ignored = set(component) - set(understood) - {"platform"}
        found += [f"{key}: {name} is not known" for name in sorted(ignored)]
    return found


def values(
    hass: HomeAssistant, payload: dict[str, Any], document: str
) -> dict[str, Any]:
    """What the templates of each entity read out of a document."""
    read = {}
    for key, component in payload["components"].items():
        if template := component.get("value_template"):
            value = Template(template, hass).async_render_with_possible_json_value(
                document, parse_result=False
            )
            read[key] = value
        if template := component.get("json_attributes_template"):
            text = Template(template, hass).async_render_with_possible_json_value(
                document, parse_result=False
            )
            read[f"{key} attributes"] = json.loads(text)
    return read


async def main() -> None:
    """Look at all of them."""
    hass = HomeAssistant("/nowhere")
    asked = json.load(sys.stdin)
    found = [one for item in asked for one in complaints(item["payload"])]
    read = [values(hass, item["payload"], item["document"]) for item in asked]
    sys.stdout.write(json.dumps({"complaints": found, "values": read}))


asyncio.run(main())

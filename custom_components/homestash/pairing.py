"""Reading what a person enters: pairing codes and addresses."""

import base64
import binascii
from dataclasses import dataclass
import json

from yarl import URL

from .contract import DEFAULT_API_PORT, ContractError, as_integer, as_object, as_text

# The form of a pairing code that this integration reads.
CODE_VERSION = 1


class InputError(Exception):
    """What was entered cannot be used; `field` and `key` say where and why."""

    def __init__(self, field: str, key: str) -> None:
        """Keep where and why."""
        super().__init__(key)
        self.field = field
        self.key = key


@dataclass(frozen=True, slots=True)
class PairingCode:
    """Where the core is, and the secret that is exchanged for a token."""

    url: str
    secret: str


def read_pairing_code(text: str) -> PairingCode:
    """Read a pairing code, however it came through the clipboard."""
    code = "".join(text.split()).rstrip("=")
    code = code.replace("+", "-").replace("/", "_")
    try:
        raw = base64.b64decode(
            code + "=" * (-len(code) % 4), altchars=b"-_", validate=True
        )
        members = as_object(json.loads(raw))
        version = as_integer(members.get("v"))
        if version > CODE_VERSION:
            raise InputError("pairing_code", "code_too_new")
        return PairingCode(as_text(members.get("u")), as_text(members.get("s")))
    except (binascii.Error, ContractError, ValueError) as error:
        raise InputError("pairing_code", "code_unreadable") from error


def read_url(text: str) -> str:
    """Read an address; scheme and port may be missing."""
    text = text.strip()
    bare = "://" not in text
    try:
        url = URL(f"http://{text}" if bare else text)
        host = url.host
        if url.scheme not in ("http", "https") or not host:
            raise ValueError("not an address")
        if bare and url.explicit_port is None:
            url = url.with_port(DEFAULT_API_PORT)
        # A user, a query or a fragment has no meaning here.
        plain = URL.build(scheme=url.scheme, host=host, port=url.port, path=url.path)
    except ValueError as error:
        raise InputError("url", "url_invalid") from error
    return str(plain).rstrip("/")

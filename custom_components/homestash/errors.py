"""What can go wrong between integration and core, and how Home Assistant hears of it."""

from collections.abc import Mapping

from homeassistant.components.backup import BackupAgentError, BackupNotFound
from homeassistant.components.backup.agent import BackupAgentUnreachableError

from .const import DOMAIN
from .contract import PLACEHOLDERS, PROBLEM_KINDS, ProblemDocument, ProblemKind

# What a sentence shows where the core did not name a value.
UNKNOWN = "?"


class CoreError(Exception):
    """Something went wrong; `key` names the sentence for it."""

    kind: ProblemKind = "error"

    def __init__(self, key: str, params: Mapping[str, str] | None = None) -> None:
        """Keep what the sentence needs."""
        super().__init__(key)
        self.key = key
        self.params = dict(params or {})

    @property
    def placeholders(self) -> dict[str, str]:
        """Return a value for every placeholder of the sentence."""
        return {name: self.params.get(name, UNKNOWN) for name in PLACEHOLDERS[self.key]}


class CoreUnreachable(CoreError):
    """The core does not answer, or the connection to it broke."""

    kind: ProblemKind = "unreachable"

    def __init__(self, url: str) -> None:
        """Name the address."""
        super().__init__("core_unreachable", {"url": url})


class CoreNotUnderstood(CoreError):
    """Something answers, but not in the words that were agreed on."""

    def __init__(self, url: str) -> None:
        """Name the address."""
        super().__init__("core_not_understood", {"url": url})


class CoreProblem(CoreError):
    """The core reports a problem."""

    def __init__(self, document: ProblemDocument) -> None:
        """Take the sentence that we have, else the one that a newer core sent along."""
        self.code = document.code
        self.title = document.title
        self.hint = document.hint
        if document.code in PROBLEM_KINDS:
            super().__init__(document.code, document.params)
            self.kind = PROBLEM_KINDS[document.code]
        else:
            texts = {"title": document.title, "hint": document.hint}
            super().__init__("core_problem", texts)


def problem(error: CoreError, *codes: str) -> bool:
    """Return whether it is one of these problems."""
    return isinstance(error, CoreProblem) and error.code in codes


def explained(error: CoreError) -> tuple[str, dict[str, str]]:
    """Return the sentence of a form and its values; the core brings its own words."""
    if isinstance(error, CoreProblem):
        return "core_problem", {"title": error.title, "hint": error.hint}
    return error.key, error.placeholders


class LocationUnreachableError(BackupAgentUnreachableError):
    """Unreachable, in our words: the log would only say that something is."""

    _message: str | None = None  # type: ignore[assignment]


def to_agent_error(error: CoreError) -> BackupAgentError:
    """Turn it into what the backup manager understands."""
    classes: dict[ProblemKind, type[BackupAgentError]] = {
        "not_found": BackupNotFound,
        "unreachable": LocationUnreachableError,
    }
    return classes.get(error.kind, BackupAgentError)(
        translation_domain=DOMAIN,
        translation_key=error.key,
        translation_placeholders=error.placeholders,
    )

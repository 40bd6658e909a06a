"""What stands in a form for a target, and what the core says of it when it is sent."""

from collections.abc import Mapping
from typing import Any, Final

from .contract import Provider, Target, as_object
from .errors import CoreError, explained
from .link import CoreLink
from .target_form import entered_target, form_values, target_schema

KIND_FOLDER: Final = "folder"
KIND_S3: Final = "s3"


class TargetEditor:
    """A target that is added or changed; the core decides what is valid."""

    def __init__(self, link: CoreLink, target: Target | None = None) -> None:
        """Begin with an empty form."""
        self._link = link
        self._target = target
        self._regions: list[str] = []
        self.shown: dict[str, Any] = {}
        self.errors: dict[str, str] = {}
        # Each sentence finds its values, also where nothing is wrong.
        self.placeholders = {"location": target.name if target else ""}

    def take(self, provider: Provider) -> None:
        """Fill in what is known of a provider."""
        self._regions = provider.regions
        self.placeholders["location"] = provider.name
        settings = {"endpoint": provider.endpoint or ""}
        self.shown = form_values(provider.name, KIND_S3, settings)

    async def load(self, target: Target) -> str:
        """Show what is set, and return the kind of the target. Raises `CoreError`."""
        settings = as_object((await self._link.client.target(target.id))["settings"])
        kind: str = settings["kind"]
        self.shown = form_values(target.name, kind, settings)
        return kind

    async def save(self, kind: str, entered: Mapping[str, Any]) -> Target | None:
        """Have the core try it out; None where it finds fault: what was entered stays."""
        self.shown = dict(entered)
        target_id = self._target.id if self._target else None
        try:
            return await self._link.client.save_target(
                target_id, entered_target(kind, entered)
            )
        except CoreError as error:
            self._link.heed(error)
            self.errors["base"], placeholders = explained(error)
            self.placeholders |= placeholders
            return None

    def schema(self, kind: str) -> Any:
        """Return the form."""
        return target_schema(kind, self._regions, is_new=self._target is None)

"""What needs a person, as repairs; and the form that mends a target."""

from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS_DOMAIN
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import Setup
from .fake_core import FakeCore, make_notice, make_target, problem
from .helpers import eventually
from .test_subentries import hide, subentry

FIXED = {
    "name": "Place 1",
    "endpoint": "https://s3.example.org",
    "bucket": "bucket",
    "access_key": "key",
    "secret_key": "new secret",
    "advanced": {"path_style": "auto"},
}


def issues(hass: HomeAssistant) -> dict[str | None, ir.IssueEntry]:
    found = ir.async_get(hass).issues.values()
    return {i.translation_key: i for i in found if i.domain == "homestash" and i.active}


def now(core: FakeCore, *notices: dict[str, Any]) -> None:
    """Let the core say something else."""
    core.notices = list(notices)
    core.emit({"event": "overview_changed"})


async def test_notices_become_repairs_and_go_with_their_cause(
    hass: HomeAssistant, core: FakeCore, setup: Setup
) -> None:
    overdue = make_notice(
        "backup_overdue",
        action="back_up",
        target_id=None,
        params={"days": "3 days"},
    )
    away = make_notice("target_away", severity="warning", repair=False)
    core.notices = [overdue, away]
    await setup()
    await eventually(lambda: list(issues(hass)) == ["backup_overdue"])
    issue = issues(hass)["backup_overdue"]
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.translation_placeholders == {"days": "3 days"}
    assert not issue.is_fixable
    low = make_notice(
        "disk_low", severity="warning", action="open_backups", params={"free": "9 MB"}
    )
    now(core, low)
    await eventually(lambda: list(issues(hass)) == ["disk_low"])
    assert issues(hass)["disk_low"].severity is ir.IssueSeverity.WARNING
    now(core)
    await eventually(lambda: issues(hass) == {})


async def test_what_a_newer_core_tells_of_is_shown_in_its_words(
    hass: HomeAssistant, core: FakeCore, connected: None
) -> None:
    now(core, make_notice("meteor", params={}))
    await eventually(lambda: list(issues(hass)) == ["core_notice"])
    issue = issues(hass)["core_notice"]
    assert not issue.is_fixable
    assert issue.translation_placeholders == {
        "title": "Place 1 refuses the access of Homestash",
        "text": "The key was revoked. Nothing new is stored there.",
    }


async def test_what_is_hidden_here_complains_of_nothing(
    hass: HomeAssistant, core: FakeCore, connected: None, entry: MockConfigEntry
) -> None:
    core.targets.append(make_target(2))
    core.emit({"event": "targets_changed"})
    await eventually(lambda: subentry(entry, "place-2") is not None)
    now(core, make_notice())
    await eventually(lambda: list(issues(hass)) == ["target_credentials"])
    await hide(hass, entry)
    await eventually(lambda: issues(hass) == {})


@pytest.mark.parametrize("end", ["removed", "disabled"])
async def test_issues_go_with_the_entry(
    hass: HomeAssistant,
    core: FakeCore,
    connected: None,
    entry: MockConfigEntry,
    end: str,
) -> None:
    now(core, make_notice())
    await eventually(lambda: len(issues(hass)) == 1)
    if end == "removed":
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    assert issues(hass) == {}


async def test_core_that_does_not_say_what_is_wrong_is_followed_all_the_same(
    hass: HomeAssistant, core: FakeCore, setup: Setup, entry: MockConfigEntry
) -> None:
    core.always("GET overview", lambda: problem("not_found", 404))
    await setup()
    await eventually(lambda: core.count("GET", "/overview") > 0)
    core.targets.append(make_target(2))
    core.emit({"event": "targets_changed"})
    await eventually(lambda: subentry(entry, "place-2") is not None)
    assert entry.runtime_data.connected


class Fixing:
    """A person who presses the button of a repair."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._flow = ""

    async def begin(self, issue_id: str) -> dict[str, Any]:
        answer = await self._client.post(
            "/api/repairs/issues/fix",
            json={"handler": "homestash", "issue_id": issue_id},
        )
        step: dict[str, Any] = await answer.json()
        self._flow = step["flow_id"]
        return step

    async def submit(self, entered: dict[str, Any]) -> dict[str, Any]:
        path = f"/api/repairs/issues/fix/{self._flow}"
        answer = await self._client.post(path, json=entered)
        step: dict[str, Any] = await answer.json()
        return step


@pytest.fixture
async def fixing(
    hass: HomeAssistant, connected: None, hass_client: ClientSessionGenerator
) -> Fixing:
    assert await async_setup_component(hass, REPAIRS_DOMAIN, {})
    return Fixing(await hass_client())


async def test_refused_key_is_mended_in_the_repair(
    hass: HomeAssistant, core: FakeCore, fixing: Fixing
) -> None:
    now(core, make_notice())
    await eventually(lambda: len(issues(hass)) == 1)
    issue = issues(hass)["target_credentials"]
    assert issue.is_fixable
    step = await fixing.begin(issue.issue_id)
    assert (step["type"], step["step_id"]) == (FlowResultType.FORM, "s3")
    assert step["description_placeholders"] == {
        "location": "Place 1",
        "name": "Place 1",
        "problem": "The key was revoked.",
    }
    bucket = next(field for field in step["data_schema"] if field["name"] == "bucket")
    assert bucket["description"] == {"suggested_value": "bucket"}

    core.once("PATCH target1", problem("target_wrong_secret", 422))
    step = await fixing.submit(FIXED)
    assert step["errors"] == {"base": "core_problem"}
    assert step["description_placeholders"] == {
        "location": "Place 1",
        "name": "Place 1",
        "problem": "The key was revoked.",
        "title": "Title of target_wrong_secret.",
        "hint": "Hint of target_wrong_secret.",
    }
    done = await fixing.submit(FIXED)
    assert done["type"] == FlowResultType.CREATE_ENTRY
    assert core.wanted[-1]["settings"]["secret_key"] == "new secret"
    assert issues(hass) == {}


async def test_broken_folder_is_mended_in_the_repair(
    hass: HomeAssistant, core: FakeCore, fixing: Fixing
) -> None:
    core.targets = [make_target(1, settings={"kind": "folder", "path": "/old"})]
    now(core, make_notice("target_broken"))
    await eventually(lambda: len(issues(hass)) == 1)
    step = await fixing.begin(issues(hass)["target_broken"].issue_id)
    assert step["step_id"] == "folder"
    done = await fixing.submit({"name": "Place 1", "path": "/new"})
    assert done["type"] == FlowResultType.CREATE_ENTRY
    assert core.wanted[-1]["settings"] == {"kind": "folder", "path": "/new"}


async def test_repair_says_what_is_not_there_any_more(
    hass: HomeAssistant, core: FakeCore, fixing: Fixing, entry: MockConfigEntry
) -> None:
    now(core, make_notice())
    await eventually(lambda: len(issues(hass)) == 1)
    issue_id = issues(hass)["target_credentials"].issue_id
    core.once("GET target1", problem("target_not_found", 404))
    step = await fixing.begin(issue_id)
    assert (step["type"], step["reason"]) == (FlowResultType.ABORT, "core_problem")
    core.targets = []
    core.emit({"event": "targets_changed"})
    await eventually(lambda: subentry(entry, "place-1") is None)
    await eventually(lambda: issues(hass) == {})
    now(core, make_notice())
    await eventually(lambda: len(issues(hass)) == 1)
    step = await fixing.begin(issue_id)
    assert step["reason"] == "target_gone"
    await hass.config_entries.async_unload(entry.entry_id)
    step = await fixing.begin(issue_id)
    assert step["reason"] == "entry_not_loaded"

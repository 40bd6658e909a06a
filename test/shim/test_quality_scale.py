"""The page about the quality scale, and the list of it that machines read."""

from pathlib import Path
import re

import yaml

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components/homestash"

ROWS = re.findall(
    r"^\| ([a-z-]+) \| (done|exempt|todo) \| (.+) \|$",
    (ROOT / "docs/quality-scale.md").read_text(),
    re.MULTILINE,
)


def test_page_and_list_say_the_same() -> None:
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    listed = {
        rule: value if isinstance(value, str) else value["status"]
        for rule, value in rules.items()
    }
    assert {rule: status for rule, status, _ in ROWS} == listed
    assert len(listed) == 54


def test_evidence_is_there() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "test/shim").glob("test_*.py"))
    named = re.findall(r"`([^`]+)`", " ".join(evidence for _, _, evidence in ROWS))
    cases = [name for name in named if re.fullmatch(r"test_\w+", name)]
    paths = [name for name in named if re.search(r"\.(py|ts|md|json)$|/$", name)]
    assert [name for name in cases if f"def {name}(" not in tests] == []
    roots = (ROOT, INTEGRATION)
    assert [n for n in paths if not any((root / n).exists() for root in roots)] == []
    assert (len(cases), len(paths)) > (10, 30)

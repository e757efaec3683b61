"""docs/findings.md: every finding is there, and every test it names exists"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/findings.md").read_text()
SEVERITIES = {
    "STO": "H1 M1 M2 M3 L1 L2",
    "ING": "H1 H2 M1 M2 M3 L1 L2",
    "STR": "M1 L1 L2 L3",
    "COR": "H1 H2 M1 M2 M3 L?",
    "EXE": "H1 H2 M1 M2 M3 L1",
    "MON": "H1 H2 M1 M2 M3 L1",
}


def rows() -> dict[str, str]:
    """Return what proves each finding, by its id."""
    found = re.findall(r"^\| ([A-Z]+-?[HML]?[\d?]+) \| [^|]+ \| (.+) \|$", PAGE, re.M)
    return dict(found)


def test_every_finding_of_the_review_has_a_row() -> None:
    wanted = {f"{room}-{name}" for room, names in SEVERITIES.items() for name in names.split()}
    wanted |= {f"XD-{number}" for number in range(1, 20)} | {
        f"G{number}" for number in range(1, 15)
    }
    assert len(wanted) == 35 + 19 + 14
    assert set(rows()) == wanted


def test_every_row_names_a_test_or_the_issue_that_will() -> None:
    for finding, proof in rows().items():
        if finding != "COR-L?":
            assert "tests/" in proof or re.fullmatch(r"issue \d", proof), finding


def test_every_test_that_is_named_exists() -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE):
        assert (ROOT / path).exists(), f"{path} is named but is not there"
        if name:
            tree = ast.parse((ROOT / path).read_text())
            known = {
                n.name
                for n in ast.walk(tree)
                if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            assert name in known, f"{path} has no {name}"

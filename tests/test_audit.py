"""The audit of dependencies: findings fail, and what cannot be asked is skipped by name."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import audit  # noqa: E402 - scripts are no package

PINS = sum("==" in line for line in audit.PINS.read_text(encoding="utf-8").splitlines())
FINDING = "Found 1 known vulnerability in 1 package\nurllib3 2.8.0 XYZ-2026-1 2.8.1"
CLEAN = "No known vulnerabilities found"
UNKNOWN = "a  Dependency not found and could not be audited: a (1)\n"


@pytest.mark.parametrize(
    ("code", "said", "result", "line"),
    [
        (0, CLEAN, 0, "pip-audit: no known vulnerability"),
        (1, FINDING, 1, "pip-audit: failed, see"),
        (1, f"{UNKNOWN}{FINDING}\nHTTPError", 1, "pip-audit: failed, see"),
        (1, "requests.exceptions.ConnectionError: Max retries exceeded", 0, "pip-audit: skipped"),
        (0, f"{CLEAN}\n{UNKNOWN * PINS}", 0, "pip-audit: skipped"),
        (0, f"{CLEAN}\n{UNKNOWN * 2}", 0, f"in {PINS - 2} of {PINS} packages"),
        (1, "No module named pip_audit", 1, "pip-audit: failed with exit code 1"),
        (0, "", 1, "pip-audit: failed"),
    ],
)
def test_the_verdict(tmp_path, capsys, code, said, result, line):
    """A program in pip-audit's place ends and speaks as pip-audit does."""
    program = tmp_path / "program.py"
    program.write_text(f"import sys\nprint({said!r})\nraise SystemExit({code})\n")
    assert audit.main((sys.executable, str(program))) == result
    assert line in capsys.readouterr().out.splitlines()[-1]

"""Ask for known faults of every pinned package: `python scripts/audit.py`.

Any finding fails. Where the data on faults cannot be reached, the check is skipped, and says so by
its name. constraints.txt is what is audited: exact versions, nothing to resolve or install.
"""

import re
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).resolve().parent.parent / "constraints.txt"
# What pip-audit says when its service did not answer; it ends with 1, as for a finding.
_UNREACHED = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|Max retries exceeded|NameResolutionError|"
    r"Could not connect|Failed to establish|ServiceError|HTTPError|ProxyError|"
    r"upstream service"
)
_FOUND = re.compile(r"Found [1-9]\d* known vulnerabilit", re.IGNORECASE)
_CLEAN = re.compile(r"No known vulnerabilities found", re.IGNORECASE)
_UNKNOWN = re.compile(r"could not be audited", re.IGNORECASE)  # of one package


def verdict(code: int, said: str) -> tuple[int, str]:
    """Return the exit code and a line about it, from what pip-audit ended with and said."""
    if _FOUND.search(said):
        return 1, "pip-audit: failed, see the packages above"
    unknown = len(_UNKNOWN.findall(said))
    pins = sum("==" in line for line in PINS.read_text(encoding="utf-8").splitlines())
    if code == 0 and unknown >= pins:
        return 0, "pip-audit: skipped, it has data on none of the packages from here"
    if code == 0 and _CLEAN.search(said):
        left = f" in {pins - unknown} of {pins} packages; it has no data on the rest"
        return 0, "pip-audit: no known vulnerability" + (left if unknown else "")
    if _UNREACHED.search(said):
        return 0, "pip-audit: skipped, its data on vulnerabilities cannot be reached from here"
    return 1, f"pip-audit: failed with exit code {code}"


def main(command: tuple[str, ...] = (sys.executable, "-m", "pip_audit")) -> int:
    """Run pip-audit on the pins; print what it says and what follows."""
    options = ("--requirement", str(PINS), "--no-deps", "--disable-pip", "--progress-spinner=off")
    try:
        ended = subprocess.run(
            [*command, *options, "--timeout=10"],
            capture_output=True, encoding="utf-8", timeout=180, check=False,
        )  # fmt: skip
        code, said = ended.returncode, f"{ended.stdout}\n{ended.stderr}"
    except subprocess.TimeoutExpired:
        code, said = 1, "ReadTimeout"
    result, line = verdict(code, said)
    if result:
        sys.stdout.write(said)
    sys.stdout.write(f"{line}\n")
    return result


if __name__ == "__main__":
    raise SystemExit(main())

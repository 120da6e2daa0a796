"""Write the numbers of `tests/unit/test_budget.py` as they are, and print each that rose."""

import re

from tests.support.source import ROOT
from tests.unit import test_budget as budget

FILE = ROOT / "tests" / "unit" / "test_budget.py"


def main() -> None:
    """Write every number of the ratchet."""
    text = FILE.read_text("utf-8")
    for name, count in budget.lines().items():
        text = _written(text, rf'^    "{name}": ', budget.LINES.get(name, 0), count)
    for name, number in budget.totals().items():
        text = _written(text, f"^{name} = ", getattr(budget, name), number)
    FILE.write_text(text, "utf-8")


def _written(text: str, before: str, was: float, now: float) -> str:
    if now > was:
        print(f"{before.strip('^ :=')}: {was} -> {now}")
    return re.sub(rf"({before})[0-9.]+", rf"\g<1>{now}", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main()

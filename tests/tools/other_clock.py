"""Run pytest by another clock: `python -m tests.tools.other_clock [MOMENT] -- [PYTEST…]`.

Without a moment, one is drawn. It is printed, so that the run can be repeated. What a test starts has the
same clock (`tests/support/forked.py`). Files keep the times of the machine's own clock.
"""

import os
import random
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support import optional_parts

CHINA = ZoneInfo("Asia/Shanghai")
MOMENTS = (
    "2027-03-15 00:30",  # WeChat has no figures of the day before yet
    "2027-06-10 07:59",
    "2027-09-08 23:59",
    "2027-04-30 23:30",  # the last day of a month
    "2027-12-31 12:00",
    "2028-02-29 20:00",
)
"""In China."""
LIBRARIES = "*/faketime/libfaketime.so.1"
"""Below /usr/lib, where the package libfaketime of Debian puts it."""
MISSING = "SKIPPED: libfaketime is not installed, so no test ran by another clock"


def main(words: list[str]) -> None:
    """Become pytest, at the moment."""
    before, options = words[: (dashes := words.index("--"))], words[dashes + 1 :]
    moment = " ".join(before) or random.choice(MOMENTS)
    ahead = datetime.fromisoformat(moment).replace(tzinfo=CHINA) - datetime.now(CHINA)
    library = next(Path("/usr/lib").glob(LIBRARIES), None)
    if library is None:
        print(MISSING, file=sys.stderr)
        sys.exit(int(optional_parts.REQUIRED))
    print(f"The clock starts at {moment} in China. Again: make test-clock CLOCK='{moment}'", flush=True)
    clock = {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{ahead.total_seconds():+.0f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1000000",  # seconds: a test that changes its environment keeps the clock
        "FAKETIME_DISABLE_SHM": "1",
    }
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *options], {**os.environ, **clock})


if __name__ == "__main__":
    main(sys.argv[1:])

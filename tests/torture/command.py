"""`campaign`, its traces written: `python tests/torture/command.py FOLDER apply …`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.torture.record import recording
from wechat_campaigns.cli.main import run

if __name__ == "__main__":
    with recording(Path(sys.argv[1])):
        sys.exit(run(sys.argv[2:]))

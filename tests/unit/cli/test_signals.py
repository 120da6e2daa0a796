"""A signal that asks a run to stop is taken at any moment, also while the one before it is."""

import subprocess
import sys

AT_EACH_LINE = """\
import signal, sys
from wechat_campaigns.cli.apply import stop_signals

def lines(number):
    left = number
    def trace(_frame, event, _argument):
        nonlocal left
        left -= event == "line"
        if event == "line" and left == 0:
            signal.raise_signal(signal.SIGTERM)
        return trace
    with stop_signals(lambda: None) as stopping:
        sys.settrace(trace)
        stopping.wait(0)
        signal.raise_signal(signal.SIGTERM)
        sys.settrace(None)
        while not stopping.is_set():
            stopping.wait(1)
    return number - left

count = lines(0)
for number in range(1, count + 1):
    lines(number)
print(count > 0)
"""


def test_signal_at_any_moment_ends_the_waiting() -> None:
    command = [sys.executable, "-c", AT_EACH_LINE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "True\n", done.stderr

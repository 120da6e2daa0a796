"""Draw docs/images/story.svg: plan, apply and the phone of a follower, as a short animation in each language.

Run `python -m tests.tools.make_cast`; it needs Chromium. The lines are what the real commands print on a
terminal of 96 columns in a rehearsal; the phone is a photograph of the sandbox's inbox.
"""

from __future__ import annotations

import base64
import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from unicodedata import east_asian_width

from PIL import Image
from selenium.webdriver.common.by import By

from tests.support.browser import open_browser
from wechat_campaigns.core.i18n import LANGUAGES, Language
from wechat_campaigns.core.state_folder import SANDBOX_LEDGER_FILE, state_folder
from wechat_campaigns.sandbox.server import embedded

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
COLUMNS, ROWS = 96, 24
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
CELL_W, CELL_H, PAD = 8.4, 19, 18
SCENE_S = 6.0
LAST_S = 7.0
SELECTED = "autumn/tasting"
COMMANDS = (f"campaign plan {SELECTED}", f"campaign apply {SELECTED} --auto-approve --quiet")
PALETTE = {31: "#e06c75", 32: "#7ec699", 33: "#e5c07b", 34: "#61afef", 35: "#c678dd", 36: "#56b6c2"}
INK, DIM, PAPER = "#d7dae0", "#8b93a1", "#1f2329"
SGR = re.compile(r"\x1b\[([0-9;]*)m")
OTHER_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r")
BROWSER_LANGUAGE: dict[Language, str] = {"en": "en", "zh": "zh-CN"}
SETTLING_S = 2.0


class Cell(NamedTuple):
    """One character of the terminal with its colours."""

    character: str
    colour: str
    is_bold: bool

    @property
    def width(self) -> int:
        return 2 if east_asian_width(self.character) in "WF" else 1


def main() -> None:
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(ROOT / "campaigns", folder / "campaigns")
            scenes = [(command, printed(folder, command, language)) for command in COMMANDS]
            phone = photograph(folder, language)
        target = IMAGES / ("story.svg" if language == "en" else "story.zh-CN.svg")
        target.write_text(drawing(scenes, phone), encoding="utf-8")
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")


def printed(folder: Path, command: str, language: Language) -> str:
    """Run a command on a terminal and return all that it prints, with its colours."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS * 4, COLUMNS, 0, 0))
    environ = {
        **os.environ,
        "TERM": "xterm-256color",
        "LC_ALL": "zh_CN.UTF-8" if language == "zh" else "C.UTF-8",
    }
    words = [sys.executable, "-m", "wechat_campaigns", *command.split()[1:]]
    with subprocess.Popen(
        words, cwd=folder, env=environ, stdin=terminal, stdout=terminal, stderr=terminal
    ) as run:
        os.close(terminal)
        output = b""
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:  # Linux ends a terminal whose programs are gone with an error
                break
            if not part:
                break
            output += part
    os.close(reader)
    if run.returncode:
        raise SystemExit(f"{command}: {output.decode()}")
    return output.decode("utf-8")


def photograph(folder: Path, language: Language) -> bytes:
    """Photograph the phone of a follower who received the last send."""
    with (
        open_browser(width=1280, height=720, language=BROWSER_LANGUAGE[language]) as chrome,
        embedded(state_folder(folder / "campaigns", os.environ) / SANDBOX_LEDGER_FILE) as url,
    ):
        chrome.get(f"{url}?lang={language}")
        time.sleep(SETTLING_S)
        shot = chrome.find_element(By.ID, "phone").screenshot_as_png
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.thumbnail((picture.width, ROWS * CELL_H))
    packed = io.BytesIO()
    picture.quantize(64).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def cells(line: str) -> Iterator[Cell]:
    """Read one line with its colour codes."""
    colour, is_bold, position = INK, False, 0
    for match in [*SGR.finditer(line), None]:
        text = line[position : match.start() if match else len(line)]
        yield from (Cell(character, colour, is_bold) for character in text)
        if match is None:
            return
        position = match.end()
        for code in (int(part or 0) for part in match[1].split(";")):
            if code == 0:
                colour, is_bold = INK, False
            elif code == 1:
                is_bold = True
            elif code == 2:
                colour = DIM
            else:
                colour = PALETTE.get(code, colour)


def drawn_line(line: str, y: float) -> str:
    """Draw one line; runs of one style and one width have an exact place, whatever font is there."""
    column, parts = 0, []
    for (colour, is_bold, width), run in groupby(
        cells(line), lambda cell: (cell.colour, cell.is_bold, cell.width)
    ):
        text = "".join(cell.character for cell in run)
        if text.strip():
            weight = ' font-weight="bold"' if is_bold else ""
            parts.append(
                f'<text x="{PAD + column * CELL_W:.1f}" y="{y:.0f}" fill="{colour}"{weight} '
                f'textLength="{len(text) * width * CELL_W:.1f}" xml:space="preserve">{escape(text)}</text>'
            )
        column += len(text) * width
    return "".join(parts)


def scene(command: str, output: str, number: int) -> str:
    """Draw a prompt with its command, then the first rows of what it prints."""
    lines = OTHER_CODES.sub("", output).strip("\n").split("\n")[: ROWS - 2]
    rows = [f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m", *lines]
    return (
        f'<g class="scene" id="s{number}">'
        + "".join(drawn_line(row, PAD + (index + 1) * CELL_H) for index, row in enumerate(rows))
        + "</g>"
    )


def drawing(scenes: list[tuple[str, str]], phone: bytes) -> str:
    """Show one scene after another, the phone last; where motion is off, only the first."""
    width, height = PAD * 2 + COLUMNS * CELL_W, PAD * 2 + ROWS * CELL_H
    total = SCENE_S * len(scenes) + LAST_S
    rules = []
    for number in range(len(scenes) + 1):
        begin, end = number * SCENE_S / total * 100, min((number + 1) * SCENE_S / total * 100, 100)
        if number == len(scenes):
            end = 100
        rules.append(
            f"@keyframes k{number}{{0%,{max(begin - 0.01, 0):.2f}%{{opacity:{0 if begin else 1}}}"
            f"{begin:.2f}%,{end - 1.5:.2f}%{{opacity:1}}{end:.2f}%,100%{{opacity:0}}}}"
            f"#s{number}{{opacity:0;animation:k{number} {total:.0f}s linear infinite}}"
        )
    picture = Image.open(io.BytesIO(phone))
    left, corner = (width - picture.width) / 2, 46 * picture.width / 397  # as the page rounds its phone
    data = base64.b64encode(phone).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'height="{height}" font-family="{FONT}" font-size="14">'
        f"<style>{''.join(rules)}"
        "@media (prefers-reduced-motion:reduce){.scene{animation:none!important;opacity:0}#s0{opacity:1}}"
        f'</style><rect width="100%" height="100%" rx="10" fill="{PAPER}"/>'
        + "".join(scene(command, output, number) for number, (command, output) in enumerate(scenes))
        + f'<g class="scene" id="s{len(scenes)}"><image x="{left:.0f}" y="{PAD}" width="{picture.width}" '
        f'height="{picture.height}" style="clip-path:inset(0 round {corner:.0f}px)" '
        f'href="data:image/png;base64,{data}"/></g></svg>\n'
    )


if __name__ == "__main__":
    main()

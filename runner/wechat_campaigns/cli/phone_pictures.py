"""Photograph each message of a plan page, with the Chromium of this machine.

Campaigns of strangers are on the page: its own policy forbids scripts, and Chromium gets neither network nor
secrets. (Chromium itself needs scripts to write a picture.)
"""

import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import _

BROWSERS: Final = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
MOST: Final = 30
"""Messages of a plan that get a picture."""
WIDTH, HEIGHT, MARGIN = 840, 8000, 12
"""CSS pixels: two phones side by side; a longer message is cut."""
SECONDS: Final = 60
"""For one picture."""
_FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    f"--window-size={WIDTH},{HEIGHT}",
)
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
_MESSAGE = re.compile(r'<section class="message[^"]*" id="(message-\d+)">')
_STYLE_END: Final = "</style></head>"
_ALONE: Final = """
main > :not(:has(#{id})), section:has(#{id}) > h2, .messages > :not(#{id}) {{ display: none !important }}
.unfold {{ display: none !important }}
main {{ padding: {margin}px !important }} section {{ margin: 0 !important }}
.message {{ border: 0 !important; padding: 0 !important }}
.article {{ max-height: none !important }}
"""
"""What leaves one message on the page, whole."""


class NoPictureError(Exception):
    """Chromium is missing, or made no picture; the message is for people."""


def take_pictures(page: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Write `message-1.png` and so on, named like the places of the page.

    Args:
        page: what `plan --report html=FILE` wrote.
        folder: made when it is missing.
        environ: of this process; Chromium gets a few harmless variables of it.

    Yields:
        Each picture when it is written; at most `MOST`.

    Raises:
        UsageError: the page is missing or another one.
        NoPictureError: Chromium is missing, or fails.
    """
    try:
        html = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        html = ""
    if _STYLE_END not in html:
        raise UsageError(
            _("the file is missing, or not a plan page"),
            location=str(page),
            hint=_("write it with `campaign plan --report html=FILE`"),
        )
    messages = _MESSAGE.findall(html)[:MOST]
    browser = _browser(environ) if messages else ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        for message in messages:
            style = _ALONE.format(id=message, margin=MARGIN)
            alone = Path(name) / f"{message}.html"
            alone.write_text(html.replace(_STYLE_END, f"{style}{_STYLE_END}", 1), encoding="utf-8")
            picture = _cropped(_photograph(browser, alone, environ))
            write_file(folder / f"{message}.png", picture)
            yield folder / f"{message}.png"


def _browser(environ: Mapping[str, str]) -> str:
    path = environ.get("PATH", "")
    found = next(filter(None, (shutil.which(name, path=path) for name in BROWSERS)), None)
    if found is None:
        raise NoPictureError(_("Chromium is not installed"))
    return found


def _photograph(browser: str, page: Path, environ: Mapping[str, str]) -> bytes:
    target, home = page.with_suffix(".png"), page.parent / "home"
    home.mkdir(exist_ok=True)
    own = (f"--user-data-dir={home / 'profile'}", f"--screenshot={target}")
    passed = {name: environ[name] for name in _PASSED_ON if name in environ}
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # noqa: S603 - a browser of this machine, a page of ours
            [browser, *_FLAGS, *own, page.as_uri()],
            cwd=page.parent,
            env={**passed, "HOME": str(home), "TMPDIR": str(page.parent)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )
    if not target.is_file():
        raise NoPictureError(_("{browser} made no picture").format(browser=Path(browser).name))
    return target.read_bytes()


def _cropped(picture: bytes) -> bytes:
    """Cut off what is nothing but ground, at the right and below."""
    from PIL import Image, ImageChops  # slow to load; the other commands of CI do without

    whole = Image.open(io.BytesIO(picture)).convert("RGB")
    ground = Image.new("RGB", whole.size, whole.getpixel((0, 0)))
    _left, _top, right, bottom = ImageChops.difference(whole, ground).getbbox() or (0, 0, *whole.size)
    written = io.BytesIO()
    box = (0, 0, min(whole.width, right + MARGIN), min(whole.height, bottom + MARGIN))
    whole.crop(box).save(written, "PNG", optimize=True)
    return written.getvalue()

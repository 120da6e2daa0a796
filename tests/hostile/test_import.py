"""`campaign import` of a stranger's page ends soon, writes little, and takes no word for a template."""

import base64
import json
from pathlib import Path

import pytest

from tests.hostile.process import Done
from tests.hostile.test_receivers import run

MOST = 100
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 90


def _imported(folder: Path, page: str) -> Done:
    (folder / "page.html").write_text(page, encoding="utf-8")
    done = run(folder, "import", "page.html", "tea", "--format", "json")
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("kind", ["local", "data"])
def test_pictures_are_counted_wherever_they_come_from(tmp_path: Path, kind: str) -> None:
    files = tmp_path / "page_files"
    files.mkdir()
    names = []
    for number in range(MOST + 20):
        data = PNG + str(number).encode()
        (files / f"{number}.png").write_bytes(data)
        inline = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        names.append(inline if kind == "data" else f"page_files/{number}.png")
    done = _imported(tmp_path, "".join(f'<img src="{name}">' for name in names))
    assert done.returncode != 0
    data = json.loads(done.stdout)
    assert len(data["pictures"]) == MOST
    assert any(str(MOST) in reason for reason in data["failed"].values())
    assert len(list((tmp_path / "campaigns" / "tea").glob("*.png"))) == MOST


def test_words_of_a_page_are_no_template(tmp_path: Path) -> None:
    words = "{{ coupon }} {% include 'x' %} {# note #} {{{ a }}}"
    page = (
        f'<title>茶 {{{{ title }}}}</title><p>{words}</p><img alt="{words}" src="https://mmbiz.qpic.cn/a/0">'
    )
    assert _imported(tmp_path, page).returncode == 0
    file = tmp_path / "campaigns" / "tea.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("cover: tea/cover.jpg", "cover: {media_id: M}"))
    done = run(tmp_path, "plan", "tea", "--offline", "--report", "markdown=m")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = (tmp_path / "m").read_text(encoding="utf-8")
    assert f"{words}\n[picture: {words}]" in shown
    assert "茶 {{ title }}" in shown

"""How many calls an apply makes: as many as it has sends, and a constant."""

import json
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wechat_campaigns.cli.main import run
from wechat_sandbox.client import SandboxClient
from wechat_sandbox.server import embedded

SECRET = "0" * 32
APPID = "wx0000000000000001"
TEXT = "filter: {tag: 星标组}\nmsgtype: text\ncontent: 第 NUMBER 期\n"
FILES = "{file: a.png}, {file: b.png}, {file: c.png}"
IMAGE = f"filter: {{tag: 星标组}}\nmsgtype: image\ncontent: {{images: [{FILES}]}}\n"


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxClient]:
    """A sandbox of its own, and a folder of campaigns whose one account lives there."""
    monkeypatch.setenv("CALLS_SECRET", SECRET)
    with embedded(tmp_path / "sandbox.sqlite3", switches={"quota": False}) as url:
        account = {"kind": "service", "appid": APPID, "secret": {"env": "CALLS_SECRET"}}
        environment = {"api": url, "accounts": {"main": account}}
        settings: dict[str, Any] = {"default_environment": "t", "environments": {"t": environment}}
        (tmp_path / "campaigns").mkdir()
        (tmp_path / "campaigns/_settings.yaml").write_text(json.dumps(settings), encoding="utf-8")
        yield SandboxClient(url=url)


def calls_of_apply(folder: Path, sandbox: SandboxClient) -> Counter[str]:
    """Apply, and count the calls it made by path."""
    before = sandbox.control("GET", "requests", limit=1)["requests"]
    last = before[0]["id"] if before else 0
    assert run(["apply", "--auto-approve", "--quiet", "--dir", str(folder / "campaigns")]) == 0
    made = sandbox.control("GET", "requests", after=last, limit=1_000)["requests"]
    return Counter(one["path"].removeprefix("/cgi-bin/") for one in made)


def png(color: bytes) -> bytes:
    rows = b"".join(b"\0" + color * 300 for _ in range(300))
    header = struct.pack(">IIBBBBB", 300, 300, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.deep
def test_apply_of_texts_makes_one_call_each_and_a_constant_number_of_reads(
    tmp_path: Path, sandbox: SandboxClient
) -> None:
    constants = []
    for count in (2, 12):
        for number in range(count):
            name = f"campaigns/{count}-{number}.yaml"
            (tmp_path / name).write_text(TEXT.replace("NUMBER", f"{count}.{number}"), encoding="utf-8")
        calls = calls_of_apply(tmp_path, sandbox)
        assert calls.pop("message/mass/sendall") == count
        constants.append(calls)
    assert constants[0] == constants[1]
    assert constants[0] == {"stable_token": 1, "tags/get": 1, "openapi/quota/get": 1}


def test_rule_about_audiences_adds_one_count(tmp_path: Path, sandbox: SandboxClient) -> None:
    file = tmp_path / "campaigns/_settings.yaml"
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**settings, "policy": {"max_recipients": 1_000_000}}), encoding="utf-8")
    for number in range(8):
        name = f"campaigns/{number}.yaml"
        (tmp_path / name).write_text(TEXT.replace("NUMBER", str(number)), encoding="utf-8")
    calls = calls_of_apply(tmp_path, sandbox)
    assert calls == {"message/mass/sendall": 8, "stable_token": 1, "tags/get": 2, "openapi/quota/get": 1}


def test_same_file_is_uploaded_once(tmp_path: Path, sandbox: SandboxClient) -> None:
    for name, color in (("a", b"\x10\x20\x30"), ("b", b"\x40\x50\x60"), ("c", b"\x10\x20\x30")):
        (tmp_path / f"campaigns/{name}.png").write_bytes(png(color))
    for number in range(3):
        text = IMAGE.replace("}]}", f"}}], recommend: 第 {number} 组}}")
        (tmp_path / f"campaigns/s{number}.yaml").write_text(text, encoding="utf-8")
    calls = calls_of_apply(tmp_path, sandbox)
    assert (calls["message/mass/sendall"], calls["material/add_material"]) == (3, 2)
    again = IMAGE.replace("}]}", "}], recommend: 又一组}")
    (tmp_path / "campaigns/again.yaml").write_text(again, encoding="utf-8")
    calls = calls_of_apply(tmp_path, sandbox)
    assert (calls["message/mass/sendall"], calls["material/add_material"]) == (1, 0)

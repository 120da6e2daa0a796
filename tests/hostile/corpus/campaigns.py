"""Campaign files that name what is not theirs, or that YAML makes large, deep or something else."""

# ruff: noqa: E501 (tables: a case a line)

import os
from collections.abc import Callable
from pathlib import Path

from tests.hostile.corpus.case import Case, article, text
from tests.hostile.trap import Trap

OUTSIDE = {
    "up": "../../../secret.txt",
    "env": "../../.env",
    "git": "../../.git/config",
    "absolute": "@TRAP@/secret.txt",
    "passwd": "/etc/passwd",
    "proc": "/proc/self/environ",
    "stdin": "/dev/stdin",
    "zero": "/dev/zero",
    "home": "~/.netrc",
    "file-url": "file:///etc/passwd",
    "http-url": "http://127.0.0.1:@PORT@/a.png",
    "unc": r"\\127.0.0.1\share\a.png",
    "backslash": r"..\..\secret.txt",
    "dots-inside": "a/../../../secret.txt",
    "blank": " ../../secret.txt",
    "encoded": "%2e%2e/%2e%2e/secret.txt",
    "unicode": "\uff0e\uff0e/\uff0e\uff0e/secret.txt",
    "folder": ".",
    "long": "a" * 5000,
    "deep": "a/" * 3000 + "a",
    "newline": "a\\nb",
    "nul": "a\\0b",
    "option": "-rf",
    "shell": "$(touch @MARKER@)",
}


def _quoted(path: str) -> str:
    return f'"{path}"' if "\\n" in path or "\\0" in path else "'" + path.replace("'", "''") + "'"


def outside() -> dict[str, list[Case]]:
    """Return each of them as a text, an openid list, a cover, a recording, a body and a picture of a body."""
    shapes = {
        "text-file": "filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: PATH}\n",
        "openids": "filter: {openids: {file: PATH}}\nmsgtype: text\ncontent: a\n",
        "voice": "filter: {tag: 会员}\nmsgtype: voice\ncontent: {file: PATH}\n",
        "images": "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: [{file: PATH}]}\n",
        "cover": article(cover="{file: PATH}"),
        "body": article("PATH"),
    }
    made = {}
    for shape, campaign in shapes.items():
        names = OUTSIDE if shape in ("text-file", "body") else dict(list(OUTSIDE.items())[:12])
        made[shape] = [
            Case(
                name=f"{shape}-{name}",
                files={"c.yaml": campaign.replace("PATH", _quoted(path)), "a.md": "正文\n"},
            )
            for name, path in names.items()
        ]
    return made


YAML = {
    "laughs-map": "a0: &a0 {x: x}\n" + "".join(f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}}}\n" for n in range(1, 30)),
    "alias-self": "vars: &a {b: *a}\n",
    "merge-list": "<<: [{a: 1}, {b: 2}]\n",
    "python-tag": "content: !!python/object/apply:os.system ['touch @MARKER@']\n",
    "include-tag": "content: !include ../../secret.txt\n",
    "binary-tag": "content: !!binary aGVsbG8=\n",
    "timestamp": "content: 2026-01-01\n",
    "tag-directive": "%TAG ! tag:yaml.org,2002:python/\n---\ncontent: !name:os.system\n",
    "yaml-directive": "%YAML 9.9\n---\ncontent: a\n",
    "two-documents": "content: a\n---\ncontent: b\n",
    "many-documents": "---\n" * 50_000,
    "duplicate": "content: a\ncontent: b\n",
    "deep-open": "content: " + "[" * 200_000 + "\n",
    "wide": "vars: {" + ", ".join(f"a{n}: 1" for n in range(15_000)) + "}\n",
    "number-float": "revision: 1e999999999\n",
    "number-base-60": "revision: " + "59:" * 5000 + "59\n",
    "number-nan": "revision: .nan\n",
    "colons": "content: " + "a: " * 50_000 + "\n",
    "quote-open": "content: '" + "a" * 500_000,
    "escape-surrogate": 'content: "\\ud800"\n',
    "escape-control": 'content: "\\e]0;owned\\a\\e[2J"\n',
    "comments": "#" * 1_000_000,
    "tabs": "\t" * 100_000 + "a: b\n",
    "bom": "\ufeff" * 1000 + "content: a\n",
    "key-long": "a" * 200_000 + ": 1\n",
    "key-control": '"a\\eb": 1\n',
    "key-proto": "__proto__: {a: 1}\n__class__: 1\n",
    "top-text": "just text\n",
    "empty": "",
    "anchors-many": "vars: [" + ", ".join(f"&a{n} x" for n in range(20_000)) + "]\n",
}  # fmt: skip
BYTES = {
    "latin": "content: ä\n".encode("latin-1"),
    "utf-16": "content: a\n".encode("utf-16"),
    "nul": b"content: \0\n",
    "overlong": b"content: \xc0\xae\xc0\xae/\n",
    "surrogates": b"content: \xed\xa0\x80\n",
    "too-long": b"a: b\n" * 1_000_000,
}
DATA = {
    "openids-inline-many": "filter: {openids: [" + ", ".join(f"o{n}" for n in range(15_000)) + "]}\nmsgtype: text\ncontent: a\n",
    "for-each-many": text("{{ a }}", more="for_each: {" + ", ".join(f"k{n}: {{vars: {{a: b}}}}" for n in range(2_000)) + "}\n"),
    "for-each-odd-key": text("a", more="for_each: {'../../x': {}}\n"),
    "vars-deep": text("{{ v }}", more="vars: {v: " + "[" * 500 + "]" * 500 + "}\n"),
    "vars-class": text("a", more="vars: {__class__: 1, self: 2, loop: 3}\n"),
    "content-long": text("a" * 900_000),
    "account-unknown": text("a", more="account: ../../main\n"),
    "labels-many": text("a", more="labels: {" + ", ".join(f"k{n}: v" for n in range(20_000)) + "}\n"),
    "not-before-huge": text("a", more="not_before: 9999-12-31T23:59:59+08:00\nnot_after: 9999-12-31T23:59:59-23:59\n"),
    "not-before-invalid": text("a", more="not_before: 2026-99-99T99:99:99+99:99\n"),
    "revision-negative": text("a", more="revision: -1\n"),
    "tag-template": "filter: {tag: '{{ x.__class__ }}'}\nmsgtype: text\ncontent: a\nvars: {x: a}\n",
    "media-id-address": "filter: {tag: a}\nmsgtype: image\ncontent: {media_id: 'http://127.0.0.1:@PORT@/'}\n",
    "source-url-script": article(more=", content_source_url: 'javascript:alert(1)'"),
    "source-url-line": article(more=', content_source_url: "https://a.example/\\r\\nX: y"'),
    "theme-up": article(more=", theme: ../../../secret"),
    "crop-flood": article(more=", pic_crop_1_1: '" + "9" * 100_000 + "_0_1_1'"),
    "modeline": "# yaml-language-server: $schema=http://127.0.0.1:@PORT@/s.json\n" + text("a"),
}  # fmt: skip
MAYBE_DATA = frozenset(
    {"for-each-many", "labels-many", "modeline", "not-before-huge", "openids-inline-many", "vars-class",
     "content-long", "media-id-address", "vars-deep"}
)  # fmt: skip


def _made(name: str, how: Callable[[Path], object], campaign: str) -> Case:
    return Case(name=name, files={"c.yaml": campaign}, make=lambda trap: how(trap.campaigns / name))


def odd_files() -> list[Case]:
    """Files that are no ordinary ones, named by a campaign."""
    named = "filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: odd.txt}\n"
    picture = "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: [{file: odd.png}]}\n"
    return [
        _made("fifo", lambda f: os.mkfifo(f / "odd.txt"), named),
        _made("folder", lambda f: (f / "odd.txt").mkdir(), named),
        _made("giant", lambda f: os.truncate(_touched(f / "odd.txt"), 1 << 40), named),
        _made("giant-picture", lambda f: os.truncate(_touched(f / "odd.png"), 1 << 40), picture),
        _made("fifo-picture", lambda f: os.mkfifo(f / "odd.png"), picture),
        Case(name="fifo-campaign", make=lambda trap: os.mkfifo(_folder(trap, "fifo-campaign") / "c.yaml")),
        Case(name="giant-campaign", make=lambda trap: os.truncate(
            _touched(_folder(trap, "giant-campaign") / "c.yaml"), 1 << 40)),
        Case(name="folder-campaign", refused=None, make=lambda trap: (
            _folder(trap, "folder-campaign") / "c.yaml").mkdir()),
        Case(name="deep", refused=None, make=_deep),
    ]  # fmt: skip


def _folder(trap: Trap, name: str) -> Path:
    """Return the folder of a case; a cover lies in it already."""
    return trap.campaigns / name


def _touched(path: Path) -> Path:
    path.touch()
    return path


def _deep(trap: Trap) -> None:
    (trap.campaigns / "deep" / "/".join(["d"] * 800)).mkdir(parents=True)


NAMES = {
    "newline": b"a\nb.yaml",
    "escape": b"\x1b]0;owned\x07\x1b[2J.yaml",
    "rtl": "a\u202elmay.exe.yaml".encode(),
    "zero-width": "a\u200bb.yaml".encode(),
    "option": b"-rf.yaml",
    "shell": b"$(touch MARKER).yaml",
    "not-utf-8": b"\xff\xfe.yaml",
    "longest-chinese": "茶".encode() * 83 + b".yaml",
    "quote": b"'\".yaml",
    "html": b"<img src=x onerror=alert(1)>.yaml",
    "markdown": b"[a](javascript:alert(1)).yaml",
    "workflow-command": b"::set-output name=a::b.yaml",
    "blank": b" .yaml",
    "backslash": b"..\\..\\a.yaml",
    "colon": b"C:a.yaml",
    "braces": b"{{ x.__class__ }}.yaml",
    "nfc": "\u00e9.yaml".encode(),
    "nfd": "e\u0301.yaml".encode(),
    "case-lower": b"same.yaml",
    "case-upper": b"SAME.yaml",
    "suffix-case": b"a.YAML",
    "yml": b"a.yml",
    "settings": b"_settings.yaml",
}


def _named(name: str, file: bytes) -> Case:
    def make(trap: Trap) -> None:
        (trap.campaigns / name / os.fsdecode(file)).write_text(text("a"), encoding="utf-8")

    return Case(name=name, refused=None, make=make)


def cases() -> dict[str, list[Case]]:
    """Return the cases in batches that share a checkout."""
    return {
        **{f"outside-{shape}": some for shape, some in outside().items()},
        "yaml": [Case(name=f"yaml-{name}", files={"c.yaml": body}) for name, body in YAML.items()],
        "bytes": [Case(name=f"bytes-{name}", files={"c.yaml": body}) for name, body in BYTES.items()],
        "data": [
            Case(
                name=name,
                files={"c.yaml": body, "a.md": "正文\n"},
                refused=None if name in MAYBE_DATA else True,
            )
            for name, body in DATA.items()
        ],
        "odd-files": odd_files(),
        "names": [_named(f"name-{name}", file) for name, file in NAMES.items()],
    }

"""Campaign files that name what is not theirs, or that YAML makes large, deep or something else."""

# ruff: noqa: E501 (tables: a case a line)

import os
from collections.abc import Callable
from pathlib import Path

from tests.hostile.corpus.case import COLOUR_PIXEL, Case, article, text
from tests.hostile.trap import Trap

OUTSIDE = {
    "up": "../../../secret.txt",
    "up-once": "../../secret.txt",
    "env": "../../.env",
    "git": "../../.git/config",
    "absolute": "@TRAP@/secret.txt",
    "passwd": "/etc/passwd",
    "proc": "/proc/self/environ",
    "fd": "/proc/self/fd/0",
    "stdin": "/dev/stdin",
    "zero": "/dev/zero",
    "random": "/dev/urandom",
    "tty": "/dev/tty",
    "home": "~/.netrc",
    "variable": "$HOME/.netrc",
    "file-url": "file:///etc/passwd",
    "http-url": "http://127.0.0.1:@PORT@/a.png",
    "unc": r"\\127.0.0.1\share\a.png",
    "drive": r"C:\secret.txt",
    "backslash": r"..\..\secret.txt",
    "dots-inside": "a/../../../secret.txt",
    "dot-slash": "./../../secret.txt",
    "slashes": "..//..//secret.txt",
    "blank": " ../../secret.txt",
    "encoded": "%2e%2e/%2e%2e/secret.txt",
    "unicode": "\uff0e\uff0e/\uff0e\uff0e/secret.txt",
    "folder": ".",
    "parent": "..",
    "long": "a" * 5000,
    "deep": "a/" * 3000 + "a",
    "newline": "a\\nb",
    "nul": "a\\0b",
    "option": "-rf",
    "shell": "$(touch @MARKER@)",
    "pipe": "|touch @MARKER@",
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
    "alias-key": "? &a [x]\n: *a\n",
    "merge-list": "<<: [{a: 1}, {b: 2}]\n",
    "merge-self": "vars: &a\n  <<: *a\n",
    "python-tag": "content: !!python/object/apply:os.system ['touch @MARKER@']\n",
    "python-new": "content: !!python/object/new:os.system ['touch @MARKER@']\n",
    "python-name": "content: !!python/name:os.system\n",
    "python-module": "content: !!python/module:os\n",
    "python-tuple": "content: !!python/tuple [1]\n",
    "ruby-tag": "content: !ruby/object:Gem::Installer {}\n",
    "java-tag": "content: !!javax.script.ScriptEngineManager [!!java.net.URL ['http://127.0.0.1:@PORT@/']]\n",
    "include-tag": "content: !include ../../secret.txt\n",
    "env-tag": "content: !ENV ${WECHAT_MAIN_SECRET}\n",
    "local-tag": "content: !touch @MARKER@\n",
    "binary-tag": "content: !!binary aGVsbG8=\n",
    "set-tag": "content: !!set {a, b}\n",
    "omap-tag": "content: !!omap [a: 1]\n",
    "timestamp": "content: 2026-01-01\n",
    "tag-directive": "%TAG ! tag:yaml.org,2002:python/\n---\ncontent: !name:os.system\n",
    "yaml-directive": "%YAML 9.9\n---\ncontent: a\n",
    "two-documents": "content: a\n---\ncontent: b\n",
    "many-documents": "---\n" * 50_000,
    "duplicate": "content: a\ncontent: b\n",
    "duplicate-filter": "filter: {tag: a}\nfilter: {is_to_all: true}\nmsgtype: text\ncontent: a\n",
    "deep-open": "content: " + "[" * 200_000 + "\n",
    "deep-block": "".join("  " * n + "a:\n" for n in range(1500)),
    "deep-dash": "- " * 20_000 + "\n",
    "wide": "vars: {" + ", ".join(f"a{n}: 1" for n in range(15_000)) + "}\n",
    "wide-list": "vars: {a: [" + "1," * 30_000 + "1]}\n",
    "number-float": "revision: 1e999999999\n",
    "number-octal": "revision: 0o" + "7" * 50_000 + "\n",
    "number-base-60": "revision: " + "59:" * 5000 + "59\n",
    "number-nan": "revision: .nan\n",
    "number-infinite": "revision: .inf\n",
    "number-underscores": "revision: 1" + "_0" * 5000 + "\n",
    "colons": "content: " + "a: " * 50_000 + "\n",
    "question-marks": "? " * 20_000 + "\n",
    "quote-open": "content: '" + "a" * 500_000,
    "quote-lines": 'content: "' + "a\n" * 100_000,
    "escape-surrogate": 'content: "\\ud800"\n',
    "escape-control": 'content: "\\e]0;owned\\a\\e[2J"\n',
    "comments": "#" * 1_000_000,
    "comment-lines": "#\n" * 300_000,
    "blanks": " " * 1_000_000,
    "tabs": "\t" * 100_000 + "a: b\n",
    "line-ends": "\r" * 200_000,
    "separators": "\u2028" * 100_000,
    "bom": "\ufeff" * 1000 + "content: a\n",
    "key-long": "a" * 200_000 + ": 1\n",
    "key-null": "~: 1\n",
    "key-list": "? [a, b]\n: 1\n",
    "key-control": '"a\\eb": 1\n',
    "key-proto": "__proto__: {a: 1}\n__class__: 1\n",
    "top-list": "[1, 2]\n",
    "top-text": "just text\n",
    "top-null": "~\n",
    "empty": "",
    "anchor-long": "content: &" + "a" * 100_000 + " x\n",
    "anchors-many": "vars: [" + ", ".join(f"&a{n} x" for n in range(20_000)) + "]\n",
}  # fmt: skip
BYTES = {
    "latin": "content: ä\n".encode("latin-1"),
    "utf-16": "content: a\n".encode("utf-16"),
    "utf-32": "content: a\n".encode("utf-32"),
    "gbk": "content: 会员\n".encode("gbk"),
    "nul": b"content: \0\n",
    "nul-only": b"\0" * 100_000,
    "elf": b"\x7fELF" + b"\0" * 2000,
    "gzip": b"\x1f\x8b\x08" + b"\0" * 2000,
    "png": COLOUR_PIXEL,
    "overlong": b"content: \xc0\xae\xc0\xae/\n",
    "surrogates": b"content: \xed\xa0\x80\n",
    "too-long": b"a: b\n" * 1_000_000,
}
DATA = {
    "openids-inline-many": "filter: {openids: [" + ", ".join(f"o{n}" for n in range(50_000)) + "]}\nmsgtype: text\ncontent: a\n",
    "openids-commands": "filter: {openids: ['--all', '$(touch @MARKER@)']}\nmsgtype: text\ncontent: a\n",
    "for-each-many": text("{{ a }}", more="for_each: {" + ", ".join(f"k{n}: {{vars: {{a: b}}}}" for n in range(10_000)) + "}\n"),
    "for-each-odd-key": text("a", more="for_each: {'../../x': {}}\n"),
    "for-each-option-key": text("a", more="for_each: {'--auto-approve': {}}\n"),
    "for-each-control-key": text("a", more='for_each: {"a\\eb": {}}\n'),
    "vars-deep": text("{{ v }}", more="vars: {v: " + "[" * 500 + "]" * 500 + "}\n"),
    "vars-wide-text": text("{{ v|length }}", more="vars: {v: '" + "a" * 900_000 + "'}\n"),
    "vars-class": text("a", more="vars: {__class__: 1, self: 2, loop: 3}\n"),
    "vars-recursive": text("{{ v }}", more="vars: {v: '{{ v }}'}\n"),
    "content-long": text("a" * 900_000),
    "content-zero-width": text("\u200b\u200c\ufeff"),
    "content-controls": text("a\x00b".replace("\x00", "\x7f")),
    "account-unknown": text("a", more="account: ../../main\n"),
    "account-escape": text("a", more='account: "\\e]8;;http://127.0.0.1/\\a"\n'),
    "owner-long": text("a", more="owner: " + "o" * 300_000 + "\n"),
    "labels-many": text("a", more="labels: {" + ", ".join(f"k{n}: v" for n in range(20_000)) + "}\n"),
    "description-rtl": text("a", more='description: "\\u202egnp.exe"\n'),
    "not-before-huge": text("a", more="not_before: 9999-12-31T23:59:59+08:00\nnot_after: 9999-12-31T23:59:59-23:59\n"),
    "not-before-zero": text("a", more="not_before: 0001-01-01T00:00:00+23:59\n"),
    "not-before-invalid": text("a", more="not_before: 2026-99-99T99:99:99+99:99\n"),
    "revision-negative": text("a", more="revision: -1\n"),
    "revision-huge": text("a", more="revision: 99999999999999999999999\n"),
    "tag-id-huge": "filter: {tag_id: 99999999999999999999999999}\nmsgtype: text\ncontent: a\n",
    "tag-template": "filter: {tag: '{{ x.__class__ }}'}\nmsgtype: text\ncontent: a\nvars: {x: a}\n",
    "media-id-line-break": 'filter: {tag: a}\nmsgtype: image\ncontent: {media_id: "a\\r\\nHost: b"}\n',
    "media-id-address": "filter: {tag: a}\nmsgtype: image\ncontent: {media_id: 'http://127.0.0.1:@PORT@/'}\n",
    "source-url-script": article(more=", content_source_url: 'javascript:alert(1)'"),
    "source-url-file": article(more=", content_source_url: 'file:///etc/passwd'"),
    "source-url-line": article(more=', content_source_url: "https://a.example/\\r\\nX: y"'),
    "theme-up": article(more=", theme: ../../../secret"),
    "theme-absolute": article(more=", theme: /etc/passwd"),
    "crop-flood": article(more=", pic_crop_1_1: '" + "9" * 100_000 + "_0_1_1'"),
    "title-flood": article().replace("标题", "题" * 200_000),
    "modeline": "# yaml-language-server: $schema=http://127.0.0.1:@PORT@/s.json\n" + text("a"),
}  # fmt: skip
MAYBE_DATA = frozenset(
    {"for-each-many", "for-each-option-key", "vars-recursive", "vars-wide-text", "account-escape", "owner-long", "labels-many", "description-rtl", "modeline",
     "not-before-huge", "not-before-zero", "openids-inline-many", "content-zero-width", "content-controls", "vars-class",
     "content-long", "media-id-address", "media-id-line-break", "vars-deep", "openids-commands", "tag-id-huge"}
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
    "carriage": b"a\rb.yaml",
    "escape": b"\x1b]0;owned\x07\x1b[2J.yaml",
    "rtl": "a\u202elmay.exe.yaml".encode(),
    "zero-width": "a\u200bb.yaml".encode(),
    "option": b"-rf.yaml",
    "long-option": b"--auto-approve.yaml",
    "shell": b"$(touch MARKER).yaml",
    "backtick": b"`touch MARKER`.yaml",
    "semicolon": b";touch MARKER;.yaml",
    "pipe": b"|touch MARKER.yaml",
    "not-utf-8": b"\xff\xfe.yaml",
    "surrogate": b"\xed\xa0\x80.yaml",
    "longest": b"a" * 250 + b".yaml",
    "longest-chinese": "茶".encode() * 83 + b".yaml",
    "quote": b"'\".yaml",
    "html": b"<img src=x onerror=alert(1)>.yaml",
    "markdown": b"[a](javascript:alert(1)).yaml",
    "workflow-command": b"::set-output name=a::b.yaml",
    "percent": b"%2e%2e%2f.yaml",
    "brackets": b"a[b].yaml",
    "star": b"*.yaml",
    "blank": b" .yaml",
    "dots": b"...yaml",
    "backslash": b"..\\..\\a.yaml",
    "colon": b"C:a.yaml",
    "tab": b"a\tb.yaml",
    "formula": b"=cmd|' C'!A0.yaml",
    "mention": b"@everyone.yaml",
    "braces": b"{{ x.__class__ }}.yaml",
    "nfc": "\u00e9.yaml".encode(),
    "nfd": "e\u0301.yaml".encode(),
    "case-lower": b"same.yaml",
    "case-upper": b"SAME.yaml",
    "suffix-twice": b"a.yaml.yaml",
    "suffix-case": b"a.YAML",
    "yml": b"a.yml",
    "device": b"CON.yaml",
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

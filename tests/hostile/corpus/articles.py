"""Articles that carry code, hide text, flood the parser, or bring pictures that are none."""

# ruff: noqa: E501 (tables: a case a line)

import struct
import zlib
from collections.abc import Container

from tests.hostile.corpus.case import COLOUR_PIXEL, Case, article

CODE = {
    "script": "<script>alert(1)</script>",
    "script-comment": "<!--><script>alert(1)</script>-->",
    "script-math": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "handler": "<img src=x onerror=alert(1)>",
    "handler-quote": "![a](x.png\"onerror=\"alert(1))",
    "iframe": "<iframe src=http://127.0.0.1:@PORT@/></iframe>",
    "object": "<object data=http://127.0.0.1:@PORT@/></object>",
    "form": "<form action=http://127.0.0.1:@PORT@/><input name=a></form>",
    "link": "<link rel=stylesheet href=http://127.0.0.1:@PORT@/>",
    "style-import": "<style>@import 'http://127.0.0.1:@PORT@/';</style>",
    "style-url": "<p style=\"background:url(http://127.0.0.1:@PORT@/)\">x</p>",
    "style-variables": "<p style=\"--a:x;--b:var(--a)var(--a);--c:var(--b)var(--b);content:var(--c)\">x</p>",
    "href-script": "[x](javascript:alert(1))",
    "href-data": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "href-reference": "[x]\n\n[x]: javascript:alert(1)",
    "picture-http": "![a](http://127.0.0.1:@PORT@/a.png)",
    "picture-https": "![a](https://127.0.0.1:@PORT@/a.png)",
    "picture-scheme-relative": "![a](//127.0.0.1:@PORT@/a.png)",
    "picture-file": "![a](file:///etc/passwd)",
    "picture-outside": "![a](../../secret.txt)",
    "picture-absolute": "![a](/etc/passwd)",
    "picture-proc": "![a](/proc/self/environ)",
    "picture-zero": "![a](/dev/zero)",
    "picture-encoded": "![a](%2e%2e/%2e%2e/secret.txt)",
    "picture-video": "<video poster=http://127.0.0.1:@PORT@/ src=http://127.0.0.1:@PORT@/></video>",
    "doctype-entities": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>&a;</p>',
    "xinclude": "<xi:include href='file:///etc/passwd' xmlns:xi='http://www.w3.org/2001/XInclude'/>",
    "php": "<?php system('touch @MARKER@'); ?>",
    "front-matter": "---\ntitle: !!python/object/apply:os.system ['touch @MARKER@']\n---\nx",
    "template-class": "{{ x.__class__ }}",
    "template-popen": "{{ cycler.__init__.__globals__.os.popen('touch @MARKER@').read() }}",
    "template-include": "{% include '../../secret.txt' %}",
    "template-markup": "{% set a %}<script>alert(1)</script>{% endset %}{{ a }}",
}  # fmt: skip
MARKDOWN = {
    "footnote-marks": "[^" * 25_000,
    "brackets": "[" * 100_000,
    "links": "[a](b)" * 30_000,
    "emphasis": "*a_" * 60_000,
    "less-than": "<" * 150_000,
    "tags": "<a " * 60_000,
    "declarations": "<!A" * 50_000,
    "ticks": "".join("`" * count + "a" for count in range(1, 600)),
    "table-columns": "|" + "a|" * 20_000 + "\n|" + "-|" * 20_000 + "\n|" + "b|" * 20_000,
    "table-rows": "|" + "a|" * 100 + "\n|" + "-|" * 100 + "\n" + "|b\n" * 50_000,
    "quotes": ">" * 10_000 + "a",
    "lists": "- " * 50_000 + "a",
    "definitions": "".join(f"[a{count}]: /x\n" for count in range(9_000)),
    "nested-links": "[" * 20_000 + "a" + "](b)" * 20_000,
    "parentheses": "[a](" + "(" * 100_000,
    "autolinks": "<http://a" * 20_000,
    "ampersands": "&" * 190_000,
    "reference-long": "&#" + "9" * 20_000 + ";",
    "one-note-often": "a[^1]" * 30_000 + "\n\n[^1]: x\n",
    "front-matter": "---\n" * 40_000,
    "fences": "```\n" * 40_000,
    "code-brackets": "```python\n" + "(" * 150_000 + "\n```",
    "code-perl": "```perl\n" + "s{" * 50_000 + "\n```",
    "image-width": "![a](b.png){width=" + "9" * 5_000 + "%}",
    "marks-by-hand": "\ue000" * 190_000,
    "long-word": "a" * 199_000,
    "too-long": "a" * 300_000,
}
"""Whatever is repeated or nested ends in time, with an error that names the file."""
FENCED = ("footnote-marks", "code-perl", "nested-links", "emphasis", "quotes", "table-rows", "brackets")
FENCED_PICTURES = ("bomb-size", "bomb-pixels", "bomb-text", "bomb-profile", "bmp-huge", "gif-huge")
"""Tried in `test_bounds.py`, with the time that they take."""
MORE = {
    "footnotes-defined": "".join(f"[^{n}]: a\n\n" for n in range(1000)),
    "stars-mixed": "*_**__" * 10_000,
    "entity-number-long": "&#" + "9" * 100_000 + ";",
    "backslashes": "\\" * 100_000,
    "attribute-long": "<p style='" + "color:red;" * 20_000 + "'>x</p>",
    "code-language": "```" + "a" * 50_000 + "\nx\n```",
    "line-long": "字" * 150_000,
    "emoji-joined": "\U0001f469\u200d" * 30_000,
    "combining": "a" + "\u0301" * 100_000,
    "rtl": "\u202e" * 50_000,
    "blank-lines": "\n" * 190_000,
    "same-picture": "![a](cover.png)\n\n" * 3000,
    "letters-brackets": "a[b" * 20_000,
    "urls": "http://a.example/" * 10_000,
}
"""The same, but an article may come of it."""
FLOODS_HTML = {
    "deep-sections": "<section>" * 20_000 + "x",
    "deep-tables": "<table><tr><td>" * 5_000 + "x",
    "many": "<p>x</p>" * 25_000,
    "attributes": "<p " + " ".join(f"a{count}=b" for count in range(20_000)) + ">x</p>",
    "long-attribute": "<p " + "a" * 100_000 + "=1>x</p>",
    "tag-names": "".join(f"<a{count}>" for count in range(20_000)) + "x",
    "style-brackets": "<p style='color:" + "(" * 2_000 + "'>x</p>",
    "style-digits": "<p style='margin:" + "1" * 2_000 + "'>x</p>",
    "style-long": "<p style='" + "color:red;" * 15_000 + "'>x</p>",
    "style-backslashes": "<p style='" + "\\" * 3_000 + "'>x</p>",
    "style-comments": "<p style='" + "/*" * 3_000 + "'>x</p>",
    "style-address": "<p style='background-color:url(" + "a" * 3_000 + ")'>x</p>",
    "entity-decimal": "<p>&#" + "1" * 5_000 + ";</p><b>",
    "comments": "<!--" * 40_000,
    "closings": "</p>" * 40_000 + "<td>x",
    "doctype": '<!DOCTYPE a [<!ENTITY a "'
    + "b" * 1_000
    + '">'
    + "".join(f'<!ENTITY a{count} "&a;&a;&a;&a;&a;&a;&a;&a;">' for count in range(100))
    + "]><p id=b>&a99;</p>",
    "external": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><p id=b>&a;</p>',
    "link-bracket": "<a href='http://[::1'>x</a>",
    "link-long": "<a href='https://" + "a" * 100_000 + "'>x</a>",
    "image-long": "x<img alt=a src='" + "a/" * 10_000 + "'>",
    "image-dots": "x<img alt=a src='" + "../" * 10_000 + "etc/passwd'>",
    "image-data": "x<img alt=a src='data:image/png;base64," + "A" * 100_000 + "'>",
    "template": "<template>" * 20_000 + "x",
    "plaintext": "<plaintext>" * 9_000,
}
HARMLESS = frozenset(
    {"attributes", "long-attribute", "style-backslashes", "style-digits", "entity-decimal", "closings", "doctype",
     "external", "link-bracket", "link-long"}
)  # fmt: skip
"""Of them those that are an article once what nobody sees is taken out."""
HTML = {
    "html-script": "<p>x</p><script>alert(1)</script>",
    "html-unclosed": "<p title='" + "a" * 150_000,
    "html-style": "<style>" + "p{color:red}" * 10_000 + "</style><p>x</p>",
    "html-imports": "<style>" + "@import url(http://127.0.0.1:@PORT@/);" * 100 + "</style>",
    "html-hidden": "<p style='font-size:0'>x</p>",
    "html-entities": "&lt;" * 40_000,
    "html-frameset": "<frameset><frame src=http://127.0.0.1:@PORT@/></frameset>",
    "html-namespace": "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
}
MOST_REFUSED = frozenset(
    {"picture-http", "picture-https", "picture-scheme-relative", "picture-file", "picture-outside", "picture-absolute",
     "picture-proc", "picture-zero", "picture-encoded", "template-class", "template-popen", "template-include"}
)  # fmt: skip


def png(
    width: int, height: int, data: bytes = b"", *, tail: bytes = b"", text: bytes = b"", profile: bytes = b""
) -> bytes:
    """Make a PNG that claims a size; what its rows hold is another matter."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    more = chunk(b"zTXt", b"a\0\0" + zlib.compress(text)) if text else b""
    more += chunk(b"iCCP", b"a\0\0" + zlib.compress(profile)) if profile else b""
    rows = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + header + more + rows + chunk(b"IEND", b"") + tail


def pictures() -> dict[str, bytes]:
    """Make files that say of themselves that they are pictures."""
    gif = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + b"\0" * 6
    jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    return {
        "bomb-pixels": png(50_000, 50_000, b"\0" * 10_000_000),
        "bomb-size": png(2**31 - 1, 2**31 - 1),
        "bomb-rows": png(30_000, 30_000, b"\0" * 20_000_000),
        "bomb-text": png(9, 9, b"\0" * 252, text=b"a" * 80_000_000),
        "bomb-profile": png(9, 9, b"\0" * 252, profile=b"a" * 80_000_000),
        "truncated": COLOUR_PIXEL[:40],
        "wrong-checksum": COLOUR_PIXEL[:-20] + b"\0" * 20,
        "polyglot-html": png(1, 1, b"\0" * 4, tail=b"<script>alert(1)</script>"),
        "polyglot-zip": png(1, 1, b"\0" * 4, tail=b"PK\3\4" + b"\0" * 100),
        "polyglot-gif-js": b"GIF89a/*" + b"\0" * 30 + b"*/=1;alert(1)",
        "gif-huge": gif + b"\x2c" + struct.pack("<HHHH", 0, 0, 65_535, 65_535) + b"\0\2\0;",
        "gif-frames": gif + (b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\2\2D\1\0") * 20_000 + b";",
        "jpeg-exif": b"\xff\xd8\xff\xe1\xff\xf0Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 65_500,
        "jpeg-huge": jpeg
        + b"\xff\xc0\0\x11\x08\xff\xff\xff\xff\3\1\x22\0\2\x11\1\3\x11\1"
        + b"\xff\xda\0\x0c",
        "jpeg-segments": jpeg + b"\xff\xe1\0\2" * 100_000,
        "bmp-huge": b"BM" + struct.pack("<IHHIIIIHHI", 54, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "postscript": b"%!PS\n(@MARKER@) (w) file closefile\n",
        "imagemagick": b"push graphic-context\nimage over 0,0 0,0 'ephemeral:/etc/passwd'\n",
        "tiff": b"II*\0" + struct.pack("<I", 8) + b"\xff\xff" * 100,
        "webp": b"RIFF" + struct.pack("<I", 2**31 - 1) + b"WEBPVP8 " + b"\0" * 100,
        "empty": b"",
        "shell": b"#!/bin/sh\ntouch MARKER\n",
    }


def _articles(
    table: dict[str, str], suffix: str = "md", refused: Container[str] = MOST_REFUSED
) -> list[Case]:
    return [
        Case(
            name=name,
            files={"c.yaml": article(f"a.{suffix}") + "vars: {x: a}\n", f"a.{suffix}": body},
            refused=True if name in refused else None,
        )
        for name, body in table.items()
    ]


def cases() -> dict[str, list[Case]]:
    """Return the cases in batches that share a checkout."""
    image = "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: [{file: odd.png}]}\n"
    body = {"c.yaml": article(), "a.md": "![a](odd.png)\n"}
    shown = pictures()
    unfenced = {name: markdown for name, markdown in MARKDOWN.items() if name not in FENCED}
    floods = _articles(unfenced, refused=MARKDOWN) + _articles(MORE)
    return {
        "code": _articles(CODE),
        **{f"floods-{first}": floods[first::2] for first in range(2)},
        "floods-html": _articles(FLOODS_HTML, "html", FLOODS_HTML.keys() - HARMLESS),
        "html": _articles(HTML, "html"),
        "pictures": [
            Case(name=f"picture-{name}", files={"c.yaml": image, "odd.png": data}, refused=_is_refused(name))
            for name, data in shown.items()
        ],
        "pictures-in-body": [
            Case(
                name=f"inside-{name}",
                files={**body, "odd.png": data},
                refused=name not in ("polyglot-html", "polyglot-zip"),
            )
            for name, data in shown.items()
            if name not in FENCED_PICTURES
        ],
    }


def _is_refused(name: str) -> bool | None:
    """Return what is no picture of WeChat's by its first bytes; of the others a part may still be shown."""
    plain = "svg postscript imagemagick empty shell tiff webp"
    return True if name.startswith(tuple(plain.split())) else None

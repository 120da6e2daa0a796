"""The implicit label of pictures made by AI: found in a file, written into the one made of it.

Nobody may remove it (人工智能生成合成内容标识办法, article 10). Only the label is carried over: other
metadata may say where a picture was taken.
"""

import json
import re
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree
from PIL import Image, PngImagePlugin

NAMESPACE: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
"""Of XMP. Source: GB 45438-2025, and what tools write, read 2026-11."""
KEY: Final = "AIGC"
MAX_CHARS: Final = 10_000
_MAX_XMP_BYTES: Final = 1_000_000
_USER_COMMENT, _EXIF_IFD = 0x9286, 0x8769
_LABEL = re.compile(r"\{.*\}", re.DOTALL)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    f'xmlns:TC260="{NAMESPACE}"><TC260:{KEY}>{{label}}</TC260:{KEY}></rdf:Description></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)


def find(image: Image.Image) -> str:
    """Return the label of a picture, as it is written there; empty without one."""
    candidates = (_of_xmp(image), _of_text(image), _of_exif(image))
    return next((label[:MAX_CHARS] for label in candidates if label), "")


def save_options(label: str) -> dict[str, object]:
    """Return what `Image.save` must be told to write a label, as JPEG or PNG."""
    if not label:
        return {}
    packet = _PACKET.format(label=escape(label))
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    info.add_itxt(KEY, label)
    return {"xmp": packet.encode(), "pnginfo": info}


def _of_xmp(image: Image.Image) -> str:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = packet.encode() if isinstance(packet, str) else bytes(packet)
    if NAMESPACE.encode() not in data or len(data) > _MAX_XMP_BYTES:
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    root = etree.fromstring(data.strip(b"\x00 \r\n"), parser)
    for element in () if root is None else root.iter():
        if element.tag == f"{{{NAMESPACE}}}{KEY}":
            return str(element.xpath("string()")).strip()
        if label := element.attrib.get(f"{{{NAMESPACE}}}{KEY}"):
            return str(label)
    return ""


def _of_text(image: Image.Image) -> str:
    """Read a text chunk of a PNG, or what Pillow gives as one."""
    return str(image.info.get(KEY) or "")


def _of_exif(image: Image.Image) -> str:
    """Read an EXIF comment that is a label: JSON with the key `AIGC`, or that of a label."""
    comment = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    text = comment[8:].decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment or "")
    found = _LABEL.search(text[:MAX_CHARS])
    try:
        value = json.loads(found[0]) if found else None
    except ValueError:
        return ""
    label = value.get(KEY, value) if isinstance(value, dict) else None
    if not isinstance(label, dict) or "Label" not in label:
        return ""
    return json.dumps(label, ensure_ascii=False)

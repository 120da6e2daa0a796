"""Bytes of a stranger in, an XML element out: small, without DTD, entities or processing instructions."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

MAX_BYTES = 512 * 1024
MAX_DEPTH = 16


class BadXmlError(Exception):
    """Not an XML document that WeChat would send."""


def read_xml(data: bytes) -> Element:
    """Read a document that declares nothing and stays shallow.

    Raises:
        BadXmlError: it is too large or too deep, no XML, or holds a DTD or an entity.
    """
    if len(data) > MAX_BYTES:
        raise BadXmlError(f"the body is larger than {MAX_BYTES} bytes")
    builder, depth = ElementTree.TreeBuilder(), 0
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise BadXmlError("the XML is nested too deeply")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    # The DOCTYPE is refused as it begins, before anything it declares can be expanded.
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadXmlError("the body is no XML") from error
    return builder.close()


def _refuse(*_declared: object) -> int:
    raise BadXmlError("the XML has a DOCTYPE, which the platform never sends")

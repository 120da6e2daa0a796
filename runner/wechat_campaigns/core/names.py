"""Decide what may be the id of a campaign, read its namespace, and write a name into a command."""

import re
import shlex
import unicodedata
from collections.abc import Iterable
from typing import Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import INVISIBLE, OPENID

_PUNCTUATION: Final = "-_./"
_ALIKE: Final = (
    str.maketrans("авгеёзикмнорстухһіїјѕьӏԁԛԝ", "abree3ukmhopctyxhiijsbldqw")
    | str.maketrans("αβγεηικμνορτυχω", "abyenikuvoptuxw")
    | str.maketrans("ıɑɡ", "iag")
    | str.maketrans("口二工力夕八卜一", "ロニエカタハトー")
)
"""A letter, its case folded, to one of another script that looks like it in the fonts of a review."""
_ALIKE_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK")
_ASCII: Final = re.compile(r"[\w.][\w.-]*(?:/[\w.][\w.-]*)*", re.ASCII)
_NAMED: Final = re.compile(r"(?P<namespace>[^:\[\]#]*):(?P<id>.+)", re.DOTALL)
_PLAIN: Final = re.compile(r"[\w@%+=:,./-]+")


def id_fault(name: str) -> tuple[str, str] | None:
    """Return why a text cannot be the id of a campaign, and what to do; None where it can.

    Letters of any script, digits and `-_./` are harmless in a shell, in Markdown and in a workflow, and no id
    looks like an option.
    """
    if OPENID.search(name):
        return openid_fault()
    if _ASCII.fullmatch(name):
        return None
    hint = _("use letters of any script, digits, `-`, `_`, `.` and `/`; no part may begin with `-`")
    for character in name:
        is_letter = unicodedata.category(character)[0] in "LM" or unicodedata.category(character) == "Nd"
        if not (is_letter or character in _PUNCTUATION) or INVISIBLE.search(character):
            shown = _("a space") if character == " " else repr(character)
            return _("the id contains {character}, which is not allowed").format(character=shown), hint
    if any(not part or part.startswith("-") for part in name.split("/")):
        return _("a part of the id is empty or begins with `-`"), hint
    for word in re.split(f"[{re.escape(_PUNCTUATION)}]", name):
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}.intersection(
            _ALIKE_SCRIPTS
        )
        if len(scripts) > 1:
            what = _("the word {word} of the id mixes letters that look alike: {scripts}")
            named = _(", ").join(script.capitalize() for script in sorted(scripts))
            return what.format(word=repr(word), scripts=named), _("write the word in one script")
    return None


def openid_fault() -> tuple[str, str]:
    """Return why an openid cannot stand in the place of a name, without repeating it, and what to do."""
    return _("an openid stands in the place of a name"), _(
        "write another name; write openids only under `filter: {openids: …}` or `testers`"
    )


def full_id(namespace: str, written: str) -> str:
    """Return an id as it is used everywhere, with its namespace: people may write it without their own.

    In the namespace `shop`, `sale` is `shop:sale`. `:sale` is a send of a folder without a namespace.
    """
    if (match := _NAMED.fullmatch(written)) is None:
        return f"{namespace}:{written}" if namespace else written
    return written if match["namespace"] else match["id"]


def namespace_of(send_id: str) -> str:
    """Return the namespace of an id as it is written there; empty for none."""
    match = _NAMED.fullmatch(send_id)
    return match["namespace"] if match is not None else ""


def list_id(send_id: str) -> str:
    """Return the id that the batches of an openid list have in common; any other id as it is."""
    return send_id.partition("#")[0]


def id_from(text: str) -> str:
    """Make a part of an id of a title or of a file's name; empty where nothing is left."""
    return re.sub(r"[\W_]+", "-", text).strip("-")


def skeleton(name: str) -> str:
    """Return what ids that look alike have in common: `tea` in Latin letters and in Cyrillic ones."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded.translate(_ALIKE)


def quoted(word: str) -> str:
    """Write an id, a path or a name into a command of a hint, so that a shell takes it for one plain word."""
    return word if _PLAIN.fullmatch(word) else shlex.quote(word)


CUTOFF: Final = 0.6
STRICT: Final = 0.7
"""For keys, which are short and many."""


def close_matches(written: str, known: Iterable[str], *, most: int, cutoff: float = CUTOFF) -> list[str]:
    """List the known words that one resembles but for case, `-` or `_` and Chinese quotes, nearest first."""
    import difflib  # only for who wrote something wrong

    alike = {_plain(word): word for word in sorted(known)}
    found = difflib.get_close_matches(_plain(written), alike, n=most, cutoff=cutoff)
    return [alike[word] for word in found]


def nearest(written: str, known: Iterable[str], *, cutoff: float = CUTOFF) -> str | None:
    """Return the known word that a written one most resembles, or None."""
    return next(iter(close_matches(written, known, most=1, cutoff=cutoff)), None)


def did_you_mean(written: str, known: Iterable[str], *, otherwise: str, cutoff: float = CUTOFF) -> str:
    """Ask whether the nearest known word was meant; when none is near, say something else."""
    found = nearest(written, known, cutoff=cutoff)
    return _("did you mean `{name}`?").format(name=found) if found else otherwise


def suggestion_suffix(written: str, known: Iterable[str]) -> str:
    """Ask the same as the end of a sentence; empty when none is near."""
    found = nearest(written, known)
    return _("; did you mean `{name}`?").format(name=found) if found else ""


def _plain(word: str) -> str:
    return word.lower().strip("“”‘’「」").replace("-", "_")

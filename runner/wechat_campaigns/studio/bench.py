"""One step of a piece of work after another: begin, write, send for review, take in what changed, discard.

Whatever it writes is a file of a piece of work. What reaches beyond it, the code host and other sites'
pictures, comes in as `Ports`.
"""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, NamedTuple

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import KeyPath
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import id_from
from wechat_campaigns.messages import ARTICLE, KINDS, Articles
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.edit import REMOVE, Change, edit
from wechat_campaigns.source.load import CampaignFile, find_campaigns
from wechat_campaigns.source.scaffold import campaign_text, fetched_campaign_text, literal
from wechat_campaigns.source.strict_yaml import read as parse
from wechat_campaigns.studio.form import form, groups, values
from wechat_campaigns.studio.work import ChangedBeneathError, Work, Works

__all__ = ["Bench", "ChangedBeneathError", "Imported", "Ports"]

OPTIONS: Final = {kind.option: kind for kind in KINDS if kind.option}
"""The kinds that a person begins with."""
ID_CHARS: Final = 40
MOST_READ: Final = 1000
"""Messages of which the tags are read."""
_TAG: Final = re.compile(r"^[ \t]*(?:filter:[ \t]*\{[ \t]*)?tag:[ \t]*([^,}#\n]{1,60})", re.MULTILINE)
NEVER_COPIED: Final = ("formerly", "revision", "not_before", "not_after")
"""What belongs to the message that was copied: its name, its sends, its moment."""


class Imported(NamedTuple):
    """The article of a page, and its pictures by the names that it has for them."""

    title: str
    html: str
    pictures: Mapping[str, bytes]
    cover: str = ""
    """The name of the first one."""
    notes: tuple[str, ...] = ()
    """What is lost, and which pictures were not saved."""


class Sent(NamedTuple):
    """A piece of work that lies at the code host."""

    url: str
    """Of its request, or of the page that opens it; empty where only the branch was pushed."""
    state: str
    """`open`, `merged` or `closed`; empty where a person has yet to open the request."""
    how: str
    """What became of it, and what is left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a piece of work needs of the world."""

    read_page: Callable[[str], Imported]
    """Read what was copied in another editor, and fetch its pictures from public addresses."""
    request: Callable[[Work, str, bool], Sent]
    """Push a piece of work and open its request with this text, or bring it up to date; another one where
    the last has ended, if that is asked for."""
    state: Callable[[Work], Mapping[str, Any]]
    """Read state, checks and comments of its request; empty where the code host cannot be asked."""
    hold: Callable[[str, str], str]
    """Run the command that puts an account on hold for a reason; return what it printed."""


class Bench:
    """The pieces of work of a checkout, as the page reads and writes them.

    Each method raises CampaignError with the way out; what was saved before stays saved.
    """

    def __init__(self, works: Works, ports: Ports, namespace: Callable[[], str]) -> None:
        self._works, self._ports, self._namespace = works, ports, namespace

    def overview(self) -> dict[str, Any]:
        """List the pieces of work, the newest first."""
        person = self._works.person()
        return {
            "works": [self._row(work) for work in self._works.list()],
            "person": {"name": person[0], "email": person[1]} if person is not None else None,
        }

    def work(self, name: str) -> dict[str, Any]:
        """Describe one piece of work: its messages, and the two sides of what both changed."""
        work = self._works.open(name)
        conflicts = [{"path": one.path, "mine": one.mine, "theirs": one.theirs} for one in work.conflicts()]
        return {**self._row(work), "conflicts": conflicts, "files": list(work.changed())}

    def _row(self, work: Work) -> dict[str, Any]:
        facts = work.facts
        return {
            "name": work.name,
            "title": facts.title,
            "at": facts.at,
            "message": facts.message,
            "messages": [item.id for item in self._changed(work)],
            "request": facts.request,
            "sentence": facts.sentence,
        }

    def _changed(self, work: Work) -> list[CampaignFile]:
        """List the campaigns of which a file was changed: their own, or one in the folder of their name."""
        names = work.changed()

        def is_changed(file: PurePosixPath) -> bool:
            folder = f"{file.with_suffix('')}/"
            return any(name == str(file) or name.startswith(folder) for name in names)

        return [item for item in find_campaigns(work.root)[0] if is_changed(item.file)]

    def refresh(self) -> str:
        """Fetch what everybody has; return its commit."""
        return self._works.refresh()

    def root(self, name: str) -> Path:
        """Return the campaigns folder of a piece of work."""
        return self._works.open(name).root

    def messages(self, name: str) -> tuple[str, ...]:
        """Return the ids of what a piece of work changes."""
        return tuple(item.id for item in self._changed(self._works.open(name)))

    # --- begin

    def begin(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a piece of work, or take the one that has the message already.

        Args:
            values: `edit`, or `words` with one of `kind`, `copy`, `html`; and `work` for one more message in
                a piece of work.
        """
        if known := values.get("edit"):
            for work in self._works.list():
                names = {work.facts.message, *(item.id for item in self._changed(work))}
                if normalize_id(str(known)) in map(normalize_id, filter(None, names)):
                    return {"work": work.name, "id": known}
            work = self._works.create(str(values.get("words") or known), str(known))
            return {"work": work.name, "id": self._file_of(work, str(known)).with_suffix("").as_posix()}
        words = str(values.get("words") or "").strip()
        page = self._ports.read_page(str(values["html"])) if values.get("html") else None
        words = words or (page.title if page is not None else "") or _("message")
        work = self._works.open(str(values["work"])) if values.get("work") else self._works.create(words)
        id_ = self._free_id(work, words)
        if page is not None:
            self._write_page(work, id_, page, words)
        elif copied := values.get("copy"):
            self._copy(work, str(copied), id_)
        else:
            self._write_new(work, id_, OPTIONS.get(str(values.get("kind"))) or Articles, words)
        return {"work": work.name, "id": id_, "notes": list(page.notes) if page is not None else []}

    def _free_id(self, work: Work, words: str) -> str:
        taken = {normalize_id(item.id) for item in find_campaigns(work.root)[0]}
        wanted = id_from(words[:ID_CHARS]) or "message"
        numbered = (f"{wanted}-{number}" for number in range(2, 10_000))
        return next(name for name in (wanted, *numbered) if normalize_id(name) not in taken)

    def _write_new(self, work: Work, id_: str, kind: type[Content], words: str) -> None:
        text = campaign_text(id_, kind)
        if kind is Articles:
            text = edit(text, [Change(("content", "articles", 0, "title"), literal(words))])
            work.write(f"{id_}/article.md", ARTICLE.encode())
        work.write(f"{id_}.yaml", text.encode())

    def _write_page(self, work: Work, id_: str, page: Imported, title: str) -> None:
        folder = PurePosixPath(id_).name
        for name, data in page.pictures.items():
            work.write(f"{id_}/{name}", data)
        work.write(f"{id_}/article.html", page.html.encode())
        article = {
            "title": title,
            "body": f"{folder}/article.html",
            "cover": f"{folder}/{page.cover or 'cover.jpg'}",
        }
        work.write(f"{id_}.yaml", fetched_campaign_text(id_, {"articles": [article]}).encode())

    def _copy(self, work: Work, known: str, id_: str) -> None:
        file = self._file_of(work, known)
        text = work.read(str(file)).text
        old, new = file.stem, PurePosixPath(id_).name
        moved = [
            Change(path, f"{new}/{value.removeprefix(f'{old}/')}")
            for path, value in values(form(text))
            if isinstance(value, str) and value.startswith(f"{old}/")
        ]
        changes = [*moved, *(Change((key,), REMOVE) for key in NEVER_COPIED), Change(("ready",), False)]
        for path, data in work.files_below(str(file.with_suffix(""))):
            work.write(f"{id_}/{path}", data)
        work.write(f"{id_}.yaml", edit(text, changes).encode())

    def _file_of(self, work: Work, known: str) -> PurePosixPath:
        return self._item(work, known).file

    def _item(self, work: Work, known: str) -> CampaignFile:
        found = find_campaigns(work.root, (), self._namespace())[0]
        for item in found:
            if normalize_id(item.id) == normalize_id(known):
                return item
        raise UsageError(
            _("there is no message {name} here").format(name=known),
            hint=_("it may have been moved or removed; choose another in the list"),
        )

    # --- write

    def form(self, name: str, id_: str) -> dict[str, Any]:
        """Return the form of a message: its fields, and the stamp that a save names."""
        work = self._works.open(name)
        item = self._item(work, id_)
        read = work.read(str(item.file))
        fields = form(read.text)
        return {
            "stamp": read.stamp,
            "file": item.display_path,
            "fields": [one.data() for one in fields],
            "groups": groups(fields),
            "tags": self._tags(work),
        }

    def _tags(self, work: Work) -> list[str]:
        """List the tags that messages here are sent to."""
        names: set[str] = set()
        for item in find_campaigns(work.root)[0][:MOST_READ]:
            found = _TAG.findall((work.root / item.file).read_text("utf-8", errors="replace"))
            names |= {name.strip("\"' ") for name in found}
        return sorted(name for name in names if "{" not in name)

    def hold(self, account: str, reason: str) -> dict[str, Any]:
        """Record a hold of an account.

        Raises:
            UsageError: there is no reason, or this machine may not write the ledger.
        """
        if not reason.strip():
            hint = _("write in a few words why nothing may go out")
            raise UsageError(_("the reason is missing"), hint=hint)
        return {"said": self._ports.hold(account, reason.strip())}

    def save(
        self, name: str, id_: str, seen: str, *, changes: Sequence[tuple[KeyPath, Any]]
    ) -> dict[str, Any]:
        """Change fields of a message; nothing else in its file becomes another."""
        work = self._works.open(name)
        path = str(self._file_of(work, id_))
        read = work.read(path)
        if read.stamp != seen:
            raise ChangedBeneathError(path, read)
        text = edit(read.text, [Change(where, _meant(value)) for where, value in changes])
        return {"stamp": work.write(path, text.encode(), seen=seen)}

    def text(self, name: str, id_: str, path: str) -> dict[str, Any]:
        """Return a text file that a message names."""
        work = self._works.open(name)
        read = work.read(self._beside(work, id_, path))
        return {"text": read.text, "stamp": read.stamp}

    def save_text(self, name: str, id_: str, path: str, text: str, seen: str) -> dict[str, Any]:
        """Write a text file that a message names."""
        work = self._works.open(name)
        return {"stamp": work.write(self._beside(work, id_, path), text.encode(), seen=seen)}

    def upload(self, name: str, id_: str, file_name: str, *, data: bytes) -> dict[str, Any]:
        """Keep a file in the folder of a message, under a name that nothing has; its path in the message."""
        work = self._works.open(name)
        file = self._file_of(work, id_)
        stem, suffix = posixpath.splitext(file_name.replace("\\", "/").rpartition("/")[2])
        wanted = id_from(stem[:ID_CHARS]).replace("/", "-") or "file"
        numbered = (f"{wanted}-{number}" for number in range(2, 10_000))
        folder = file.with_suffix("")
        for one in (wanted, *numbered):
            place = f"{folder}/{one}{suffix.lower()}"
            if not work.exists(place):
                work.write(place, data)
                return {"path": f"{folder.name}/{one}{suffix.lower()}"}
        raise UsageError(_("too many files have this name"), hint=_("rename the file"))

    def import_page(self, name: str, id_: str, path: str, html: str) -> dict[str, Any]:
        """Write the article of a pasted page over the body of a message; its pictures beside it."""
        work, page = self._works.open(name), self._ports.read_page(html)
        place = self._beside(work, id_, path)
        for file, data in page.pictures.items():
            work.write(f"{posixpath.dirname(place)}/{file}", data)
        work.write(place, page.html.encode())
        return {"notes": list(page.notes)}

    def file(self, name: str, id_: str, path: str, *, of: str = "") -> bytes | None:
        """Return a picture that a message, or its text at `of`, names; None where it is missing."""
        work = self._works.open(name)
        place = self._beside(work, id_, path if not of else posixpath.join(posixpath.dirname(of), path))
        return work.read_bytes(place)

    def relative(self, path: str, of: str) -> dict[str, Any]:
        """Return a path of a message as a text file of it names it."""
        return {"path": posixpath.relpath(path, posixpath.dirname(of) or ".")}

    def _beside(self, work: Work, id_: str, path: str) -> str:
        """Return a path that stands in a message as one below the campaigns folder; never outside."""
        return posixpath.normpath(posixpath.join(str(self._file_of(work, id_).parent), path))

    # --- send for review

    def set_person(self, name: str, person: str, email: str) -> dict[str, Any]:
        """Keep who works here, for the commits of this checkout's pieces of work."""
        self._works.open(name).set_person(person, email)
        return {}

    def review(self, name: str, sentence: str, *, again: bool) -> dict[str, Any]:
        """Mark the messages as ready, commit, push, and open the request, or bring it up to date."""
        work = self._works.open(name)
        if not sentence.strip():
            raise UsageError(
                _("the sentence is empty"), hint=_("write what changes and why, in one sentence")
            )
        for item in self._changed(work):
            read = work.read(str(item.file))
            data = parse(read.text)[0]
            if isinstance(data, dict) and data.get("ready") is False:
                text = edit(read.text, [Change(("ready",), REMOVE)])
                work.write(str(item.file), text.encode(), seen=read.stamp)
        work.commit(sentence)
        sent = self._ports.request(work, sentence.strip(), again)
        work.keep(request=sent.url)
        return {**sent._asdict(), "branch": work.branch}

    def request_state(self, name: str) -> dict[str, Any]:
        """Return what the code host knows of the request: state, checks, comments."""
        return dict(self._ports.state(self._works.open(name)))

    def update(self, name: str) -> dict[str, Any]:
        """Merge what changed on the default branch."""
        self._works.open(name).update()
        return self.work(name)

    def resolve(self, name: str, path: str, *, which: Literal["mine", "theirs"]) -> dict[str, Any]:
        """Choose a side of what both changed: mine or theirs."""
        self._works.open(name).resolve(path, which)
        return self.work(name)

    def discard(self, name: str) -> dict[str, Any]:
        """Remove a piece of work from the list."""
        self._works.discard(name)
        return {}


def _meant(value: Any) -> Any:
    """Return what a field of the page means: nothing takes the key away; `yaml` is text to be read as such.

    Raises:
        UsageError: that text is not YAML.
    """
    if value is None:
        return REMOVE
    if isinstance(value, dict) and value.keys() == {"yaml"}:
        if not str(value["yaml"]).strip():
            return REMOVE
        data, faults = parse(str(value["yaml"]))
        if faults:
            raise UsageError(faults[0].message, hint=faults[0].hint)
        return data
    return value

"""The `content` of a campaign in, the record of its kind out: templates rendered, links with parameters."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from html import escape, unescape
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from wechat_article import ArticleBody, ArticleSource
from wechat_article.parts import AI_STATEMENT, ArticleFormat, escape_for
from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Finding, KeyPath, Location
from wechat_campaigns.core.errors import is_extra_installed
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.links import ADDRESS, SENTENCE_END, Host, host_of
from wechat_campaigns.messages import Article, Articles, Draft, Newspic, Text, kind_of
from wechat_campaigns.render.articles import build, diagnostic, uploads
from wechat_campaigns.render.scope import Scope, text_errors, text_warnings

_PATH: KeyPath = ("content",)
_FROM_ROOT = PurePosixPath("_settings.yaml")


def render_content(scope: Scope) -> Content:
    """Render a campaign's content to its record, with empty places where there was a problem."""
    raw = scope.campaign.content
    kind = kind_of(scope.campaign.msgtype, raw)
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(scope, raw)
    make: Callable[..., Content] = kind
    return make(**_fields(kind, scope, _PATH, {"file": raw} if isinstance(raw, str) else raw))


def _fields(record: type, scope: Scope, path: KeyPath, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Render what is written, by the types of the fields of a record."""
    readers: dict[str, Callable[[KeyPath, Any], Any]] = {
        "str": scope.text,
        "Media": scope.picture,
        "tuple[Media, ...]": scope.pictures,
        "bool": lambda _path, value: value,
    }
    found = {"media": scope.media(path, raw)} if "media" in record.__annotations__ else {}
    for entry in fields(record):
        if entry.name in raw:
            read = readers[str(entry.type).removesuffix(" | None")]
            found[entry.name] = read((*path, entry.name), raw[entry.name])
    return found


def _text(scope: Scope, raw: Any) -> Text:
    if not isinstance(raw, Mapping):
        return Text(content=scope.text(_PATH, raw))
    path = (*_PATH, "text_file")
    written = scope.text(path, raw["text_file"])
    text = (scope.text_file(path, written) if written else "") or ""
    scope.look_for_unseen(path, text)
    return Text(content=text)


def _draft(scope: Scope, raw: Mapping[str, Any]) -> Draft:
    if "media_id" in raw:
        return Draft(media_id=scope.text((*_PATH, "media_id"), raw["media_id"]))
    return Draft(title=scope.text((*_PATH, "draft"), raw["draft"]).strip())


def _newspic(scope: Scope, raw: Mapping[str, Any]) -> Newspic:
    raw = raw["newspic"]
    post = Newspic(**_fields(Newspic, scope, (*_PATH, "newspic"), raw))
    return replace(post, text=f"{post.text}\n{AI_STATEMENT}".strip("\n")) if raw.get("ai_generated") else post


def _articles(scope: Scope, raw: Mapping[str, Any]) -> Articles:
    path = (*_PATH, "articles")
    written = enumerate(raw["articles"])
    return Articles(articles=tuple(_article(scope, (*path, index), one) for index, one in written))


def _article(scope: Scope, path: KeyPath, raw: Mapping[str, Any]) -> Article:
    plain = _fields(Article, scope, path, raw)
    body = _body(scope, path, raw, plain["title"])
    return Article(**plain, html=body.html, images=uploads(body), formulas=body.formulas)


def _body(scope: Scope, path: KeyPath, raw: Mapping[str, Any], title: str) -> ArticleBody:
    """Make HTML of the article's file; return an empty body after a problem."""
    source, path = _source(scope, path, raw, title), (*path, "body")
    body = scope.read(path, partial(build, source)) if source is not None else None
    if source is None or body is None or not scope.sendable(path, body.html):
        return ArticleBody(html="")
    scope.look_for_unseen(path, body.html)
    written = scope.files.text(_FROM_ROOT, str(source.file))
    # What differed in a secret only is one problem.
    scope.problems += [
        replace(finding, location=_line_as_written(finding.location, written, source.text))
        if finding.location.file == source.display_path
        else replace(
            finding,
            message=_("{fault} (in the theme of the campaign {campaign})").format(
                fault=finding.message, campaign=scope.campaign.id
            ),
        )
        for finding in dict.fromkeys(diagnostic(remark, path) for remark in body.findings)
    ]
    return body


def _source(scope: Scope, path: KeyPath, raw: Mapping[str, Any], title: str) -> ArticleSource | None:
    """Read the article's file and render it as a template; None after a problem."""
    options = scope.options
    body = (*path, "body")
    written = scope.text(body, raw["body"])
    file = scope.read(body, lambda: scope.files.locate(scope.campaign.file, written)) if written else None
    if file is None:
        return None
    kind: ArticleFormat = "html" if written.endswith(".html") else "markdown"  # the schema takes no other
    text = scope.text_file(body, written, escape=escape_for(kind))
    if text is None:
        return None
    return ArticleSource(
        text=text,
        kind=kind,
        file=file,
        title=title,
        ai_generated=raw.get("ai_generated", False),
        theme=(scope.text((*path, "theme"), raw["theme"]) if "theme" in raw else None) or options.theme,
        brand_color=options.brand_color,
        fix_images=options.fix_images,
        line_breaks=options.line_breaks,
        advice=options.advice,
        files=scope.files,
        root=scope.root,
    )


def _line_as_written(place: Location, written: str, rendered: str) -> Location:
    """Find a rendered line among those the author wrote; better no line than a wrong one."""
    before, after = written.removesuffix("\n").split("\n"), rendered.split("\n")
    if place.line is None or len(before) == len(after):
        return place
    same = [number for number, line in enumerate(before, 1) if line == after[place.line - 1]]
    return replace(place, line=same[0] if len(same) == 1 else None)


_SPECIAL: dict[type[Content], Callable[[Scope, Any], Content]] = {
    Text: _text,
    Draft: _draft,
    Newspic: _newspic,
    Articles: _articles,
}
"""The kinds that are written otherwise than as the fields of their records."""


# --- parameters of links ------------------------------------------------------------------------
# Only http and https links of allowed hosts, and pages of allowed mini programs, are changed: in texts, in
# articles with their footnotes, and in 阅读原文. What a link has already stays; WeChat's own pages are left
# as they are.

_WECHAT: Final = "mp.weixin.qq.com"
_WEB: Final = re.compile("https?://", re.IGNORECASE)
_PROGRAM: Final = re.compile(
    r"<(?:a|mp-(?:common-)?miniprogram)\b[^>]*\bdata-miniprogram-appid[^>]*>", re.IGNORECASE
)
_APPID: Final = re.compile(r"data-miniprogram-appid\s*=\s*[\"']?\s*(wx[0-9a-f]{16})", re.IGNORECASE)
_PROGRAM_PATH: Final = re.compile(r"(data-miniprogram-path\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_FETCHED: Final = re.compile(
    r"\b(?:src|data-src|srcset|poster|background|style)\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE
)
"""Attributes that fetch something and lead nowhere."""


@dataclass(frozen=True, slots=True)
class LinkTagger:
    """Adds parameters to the links of messages."""

    parameters: Mapping[str, str]
    allowed: Iterable[str]
    """Hosts, each with what lies below it, and AppIDs of mini programs."""

    def content(self, content: Content) -> Content:
        """Tag every link of a content."""
        if not self.parameters:
            return content
        if isinstance(content, Articles):
            return replace(content, articles=tuple(map(self._article, content.articles)))
        if not content.has_links:
            return content
        _title, texts = content.written()
        return replace(content, **{name: self._markup(text, str, str) for name, text in texts.items()})

    def _article(self, article: Article) -> Article:
        return replace(
            article,
            html=self._markup(article.html, unescape, escape),
            content_source_url=self._address(article.content_source_url),
        )

    def _markup(self, text: str, read: Callable[[str], str], write: Callable[[str], str]) -> str:
        """Tag the links of a text with tags in it.

        Args:
            read: makes an address of how it is written there; `write` is the way back.
        """

        def program(match: re.Match[str]) -> str:
            appid = _APPID.search(match[0])
            is_allowed = appid is not None and Host(appid[1].lower(), is_plain=True).is_among(self.allowed)
            return _PROGRAM_PATH.sub(path, match[0]) if is_allowed else match[0]

        def path(match: re.Match[str]) -> str:
            mark, value = ('"', match[2]) if match[2] is not None else ("'", match[3])
            return f"{match[1]}{mark}{write(self._added(read(value)))}{mark}" if value else match[0]

        def address(match: re.Match[str]) -> str:
            if match.string[match.end() : match.end() + 1].isalnum():
                return match[0]  # Chinese behind it: its end is not certain
            whole = match[0] if match[0].endswith(";") else SENTENCE_END.sub("", match[0])
            tagged = self._address(read(whole))
            return match[0] if tagged == read(whole) else f"{write(tagged)}{match[0][len(whole) :]}"

        text = _PROGRAM.sub(program, text)
        parts, at = [], 0
        for fetched in _FETCHED.finditer(text):
            parts += [ADDRESS.sub(address, text[at : fetched.start()]), fetched[0]]
            at = fetched.end()
        return "".join([*parts, ADDRESS.sub(address, text[at:])])

    def _address(self, url: str) -> str:
        """Tag one address, where its host is allowed."""
        host = host_of(url) if _WEB.match(url) else None
        is_tagged = host is not None and host.name != _WECHAT and host.is_among(self.allowed)
        return self._added(url) if is_tagged else url

    def _added(self, url: str) -> str:
        """Add the parameters that are missing behind the others, before an anchor."""
        address, anchor, place = url.partition("#")
        query = address.partition("?")[2]
        present = {name for name, _value in parse_qsl(query, keep_blank_values=True)}
        pairs = [
            f"{quote(name, safe='')}={quote(value, safe='')}"
            for name, value in self.parameters.items()
            if value and name not in present
        ]
        if not pairs:
            return url
        joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
        return f"{address}{joint}{'&'.join(pairs)}{anchor}{place}"


# --- drafts of the console ----------------------------------------------------------------------


def check_stored_draft(draft: Draft) -> tuple[Finding, ...]:
    """List what the articles of a draft break of WeChat's limits, once they were read.

    Its pictures are WeChat's own, and the console fills in each digest.
    """
    if draft.stored is None:
        return ()
    path: KeyPath = ("content",)
    return tuple(
        replace(
            finding,
            message=_("draft {name}: {fault}").format(name=draft.name, fault=finding.message),
            path=path,
        )
        for finding in (*draft.stored.findings(), *_unseen(draft.stored), *_hidden(draft.stored))
        if not {"cover", "images"} & set(finding.path) and finding.rule != "digest-unseen"
    )


def _unseen(stored: Articles | Newspic) -> Iterator[Finding]:
    """Report what of a draft cannot be seen, or reads otherwise than it looks."""
    hint = _("edit the draft in the WeChat console")
    for part in chain.from_iterable(stored.texts()):
        for fault in list(text_errors((), part)) or text_warnings((), part):
            yield Finding(fault.rule, fault.message, hint, level=fault.level)


def _hidden(stored: Articles | Newspic) -> Iterator[Finding]:
    """Report styles outside the bounds of articles: they can hide text, and here they stay in."""
    if isinstance(stored, Newspic) or not is_extra_installed("articles"):
        return
    # Loading lxml takes longer than a plan of texts.
    from wechat_article import dom, keep
    from wechat_article.parts import Findings

    found, hint = Findings(file="", advice=False), _("edit the draft in the WeChat console")
    for article in stored.articles:
        keep.keep(dom.parse(article.html), found)
    rules = ("style-value", "style-css")
    yield from (
        Finding(one.rule, one.message, hint, ("content",), "warning") for one in found if one.rule in rules
    )

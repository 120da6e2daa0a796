"""A campaigns folder in, its rendered sends and every problem out: load, validate, render, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.fence import Bound, map_fenced
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import InvalidCampaign, Send
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.protocol.keys import Message, SendId, normalize_id
from wechat_campaigns.render.render import CompiledCampaign, render
from wechat_campaigns.render.scope import Templates
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import CampaignFile, find_campaigns, load_campaign, load_sound_part
from wechat_campaigns.source.validate import Campaign

Failed = Callable[[CampaignFile, Exception], CompiledCampaign]
"""Makes the result of a file on which this program fails."""


@dataclass(frozen=True, kw_only=True)
class CompileResult:
    """What a campaigns folder would send, whatever was sent before."""

    sends: tuple[Send, ...]
    problems: tuple[Diagnostic, ...]
    """Errors of files and campaigns, and warnings of sends."""
    invalid: tuple[InvalidCampaign, ...]
    files: Mapping[str, CampaignFile] = field(default_factory=dict)
    """Every campaign file of the folder, selected or not, by its normalised id."""
    make_all: Callable[[Sequence[CampaignFile]], Sequence[CompiledCampaign]] = lambda _items: ()
    """Renders some of them."""
    appids: Mapping[str, str] = field(default_factory=dict)
    """By name of an account."""

    def presence_check(self) -> Callable[[Message], bool]:
        """Return a check whether the folder's campaigns still have a message.

        A file that has another message now, or cannot be rendered, or leaves this environment out, does not.
        """

        @cache  # most plans never ask
        def rendered() -> dict[str, list[Send]]:
            found: dict[str, list[Send]] = {}
            for send in self.sends:
                found.setdefault(normalize_id(send.campaign), []).append(send)
            return found

        @cache
        def messages_of(campaign: str) -> frozenset[Message]:
            sends: Sequence[Send] = rendered().get(campaign, ())
            if campaign not in rendered() and campaign in self.files:
                sends = [send for made in self.make_all([self.files[campaign]]) for send in made.sends]
            return frozenset(map(self._message, sends))

        return lambda message: message in messages_of(normalize_id(SendId.parse(message.id).campaign))

    def _message(self, send: Send) -> Message:
        appid, name = self.appids[send.account], normalize_id(send.id)
        return Message(appid, name, send.revision, send.content_digest)

    def with_readiness(self, stored: Iterable[Send], environment: str) -> Iterator[Send]:
        """Yield stored sends with `ready` and `send` of their campaigns, selected or not and renamed or not.

        Raises:
            UsageError: a campaign leaves this environment out.
        """
        for send in stored:
            campaigns = tuple(campaigns_of(send.id, self.files))
            for campaign in campaigns:
                if campaign.environments and environment not in campaign.environments:
                    message = _("--resend {send}: its campaign leaves out the environment {environment}")
                    raise UsageError(
                        message.format(send=send.id, environment=environment),
                        hint=_("correct `environments` in the campaign, or settle the send"),
                        location=campaign.source.location(("environments",)).file,
                    )
            by_hand = any(campaign.send for campaign in campaigns)
            yield replace(send, ready=all(campaign.ready for campaign in campaigns), by_hand=by_hand)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Only what must be corrected."""
        return tuple(problem for problem in self.problems if problem.level == "error")


@dataclass(slots=True, kw_only=True)
class Compiler:
    """Makes sends of campaign files, one after the other; includes are read once for all of them."""

    settings: Settings
    files: Files
    templates: Templates
    variables: Mapping[str, str]
    campaigns_by_id: Mapping[str, CampaignFile]
    """Every campaign file of the folder, selected or not, by its normalised id."""
    failed: Failed | None = None
    """None raises what it met."""

    def make_all(self, items: Sequence[CampaignFile]) -> list[CompiledCampaign]:
        """Make sends of files in child processes; one that breaks a bound is a problem of its file."""
        return map_fenced(self._make_ready, items, lost=out_of_bounds)

    def _make_ready(self, item: CampaignFile) -> CompiledCampaign:
        """Make sends that carry what every plan asks of them: to find it here is fenced, and in parallel."""
        try:
            made = self.make(item)
            for send in made.sends:
                _kept = send.content_digest, send.content.reading
        except Exception as fault:
            if self.failed is None or isinstance(fault, MemoryError):  # a bound, which is told otherwise
                raise
            return self.failed(item, fault)
        return made

    def make(self, item: CampaignFile) -> CompiledCampaign:
        """Load, validate and render one campaign file, and check who may receive it."""
        loaded = load_campaign(item)
        if isinstance(loaded, Campaign):
            campaign: Campaign | None = loaded
            former = former_id_problems(loaded, self.campaigns_by_id)
            wrong = (*former, *self._unknown_environments(loaded))
            environments = () if wrong else loaded.environments
            if environments and self.settings.environment.name not in environments:
                return CompiledCampaign(id=item.id, is_elsewhere=True)
        else:
            campaign, wrong = load_sound_part(item), loaded
        if campaign is None:
            return CompiledCampaign(id=item.id, file_problems=wrong)
        rendered = render(
            campaign,
            settings=self.settings,
            files=self.files,
            variables=self.variables,
            templates=self.templates,
        )
        found = (*rendered.problems, *(one for send in rendered.sends for one in send.diagnostics))
        problems = tuple(sorted(dict.fromkeys(found), key=_place))
        sends = () if wrong else rendered.sends
        return replace(rendered, sends=sends, file_problems=wrong, problems=problems)

    def _unknown_environments(self, campaign: Campaign) -> Iterator[Diagnostic]:
        known = self.settings.environment_names
        for number, name in enumerate(campaign.environments):
            if name not in known:
                what = _("environment `{name}` is not in the settings").format(name=name)
                path, hint = ("environments", number), did_you_mean(name, known, otherwise=_("add it there"))
                yield Finding("environment", what, hint, path).at(campaign.source.location(path))


def _place(problem: Diagnostic) -> tuple[str, int, int]:
    """Order problems as they are mended: file by file, from the top."""
    location = problem.location
    return location.file, location.line or 0, location.column or 0


def out_of_bounds(item: CampaignFile, bound: Bound) -> CompiledCampaign:
    """Make the problem of a file that broke a bound of the system."""
    hint = _("make its templates, articles and pictures smaller, or split the file")
    problem = Finding("resource-limit", bound.words, hint)
    location = Location(file=item.display_path, line=1)
    return CompiledCampaign(id=item.id, file_problems=(problem.at(location),))


def compile_campaigns(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    failed: Failed | None = None,
) -> CompileResult:
    """Load, validate, render and check against WeChat's limits.

    Args:
        only: ids, patterns or paths; empty means all.
        failed: as in `Compiler`.

    Raises:
        UsageError: no such folder, or `only` selects nothing that this environment may send.
    """
    compiler, items, problems = _selected(root, settings, files, variables, only)
    compiler.failed = failed
    results = compiler.make_all(items)
    if elsewhere := {result.id for result in results if result.is_elsewhere}:
        _check_selection(root, only, elsewhere, settings)
    of_files = [*problems, *(problem for result in results for problem in result.file_problems)]
    return CompileResult(
        sends=tuple(send for result in results for send in result.sends),
        problems=(*of_files, *(problem for result in results for problem in result.problems)),
        invalid=(*_by_file(of_files), *_by_campaign(results)),
        files=compiler.campaigns_by_id,
        make_all=compiler.make_all,
        appids={name: account.appid for name, account in settings.environment.accounts.items()},
    )


def validate_campaigns(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> tuple[int, list[Diagnostic]]:
    """Check every campaign as `compile_campaigns` does.

    Returns:
        The number of sends, and the problems, those of files first.

    Raises:
        UsageError: no such folder, or `only` selects nothing.
    """
    compiler, items, problems = _selected(root, settings, files, variables, only, gather=True)

    def counted(item: CampaignFile) -> tuple[int, CompiledCampaign]:
        made = compiler.make(item)
        return len(made.sends), replace(made, sends=())  # to hand over thousands of sends takes long

    results = map_fenced(counted, items, lost=lambda item, bound: (0, out_of_bounds(item, bound)))
    of_files = [*problems, *(problem for _count, made in results for problem in made.file_problems)]
    of_sends = [problem for _count, made in results for problem in made.problems]
    return sum(count for count, _made in results), [*of_files, *of_sends]


def _selected(
    root: Path,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None,
    only: Sequence[str],
    *,
    gather: bool = False,
) -> tuple[Compiler, Sequence[CampaignFile], Sequence[Diagnostic]]:
    """Find the files that `only` selects, and prepare to make sends of them."""
    items, problems = find_campaigns(root, only, settings.namespace, gather=gather)
    everything = find_campaigns(root, (), settings.namespace, gather=gather)[0] if only else items
    compiler = Compiler(
        settings=settings,
        files=files,
        templates=Templates(files),
        variables=variables or {},
        campaigns_by_id={normalize_id(item.id): item for item in everything},
    )
    return compiler, items, problems


def _check_selection(root: Path, only: Sequence[str], elsewhere: Set[str], settings: Settings) -> None:
    """Refuse a selection that this environment may not send: who named it expects it to be sent."""
    for word in only:
        if all(item.id in elsewhere for item in find_campaigns(root, (word,), settings.namespace)[0]):
            raise UsageError(
                _(
                    "{selection} is not for the environment {environment}: `environments` leaves it out"
                ).format(selection=word, environment=settings.environment.name),
                hint=_("add `--env NAME`, or correct `environments` in the campaign"),
            )


def _by_file(problems: Sequence[Diagnostic]) -> list[InvalidCampaign]:
    by_file: dict[str, list[Diagnostic]] = {}
    for problem in problems:
        by_file.setdefault(problem.location.file, []).append(problem)
    return [InvalidCampaign(id=name, problems=tuple(by_file[name])) for name in sorted(by_file)]


def _by_campaign(results: Iterable[CompiledCampaign]) -> list[InvalidCampaign]:
    flawed = (result for result in results if result.problems and not result.file_problems)
    errors = ((result.id, tuple(p for p in result.problems if p.level == "error")) for result in flawed)
    return [InvalidCampaign(id=name, problems=problems) for name, problems in errors if problems]


# --- former ids --------------------------------------------------------------------------------


def former_id_problems(campaign: Campaign, present: Mapping[str, CampaignFile]) -> tuple[Diagnostic, ...]:
    """Refuse a former id that a campaign or an entry still has: what is sent under it would count for both.

    Args:
        present: every campaign file of the folder, by its normalised id.
    """
    return tuple(
        Finding(
            "formerly",
            _("`{id}` still exists, so it cannot be a former id").format(id=name),
            _("delete the old campaign, or remove this line: an id in use cannot be a former id"),
            path,
        ).at(campaign.source.location(path))
        for path, name, key in _named(campaign)
        if _is_there(SendId.parse(name), key, campaign, present)
    )


def _named(campaign: Campaign) -> Iterator[tuple[KeyPath, str, str | None]]:
    """List the former ids: where each is written, and in which entry."""
    for number, name in enumerate(campaign.formerly):
        yield ("formerly", number), name, None
    for key, entry in (campaign.for_each or {}).items():
        for number, name in enumerate(entry.get("formerly", ())):
            yield ("for_each", key, "formerly", number), name, key


def _is_there(named: SendId, key: str | None, mine: Campaign, present: Mapping[str, CampaignFile]) -> bool:
    entry = named.entry or key
    if normalize_id(named.campaign) != normalize_id(mine.id):
        item = present.get(normalize_id(named.campaign))
        return item is not None and has_send(item, entry)
    # That an entry was itself before does no harm.
    entries = [normalize_id(one) for one in mine.for_each or ()]
    told_of = entries if key is None else [normalize_id(key)]
    return entry is not None and normalize_id(entry) in entries and told_of != [normalize_id(entry)]


def has_send(item: CampaignFile, entry: str | None) -> bool:
    """Return whether a campaign has an entry, or is one send; an unreadable one or a label may have it."""
    campaign = load_campaign(item)
    if not isinstance(campaign, Campaign) or entry is None or isinstance(campaign.accounts, Mapping):
        return True
    return normalize_id(entry) in map(normalize_id, campaign.for_each or campaign.accounts or ())


def campaigns_of(send_id: str, present: Mapping[str, CampaignFile]) -> Iterator[Campaign]:
    """Yield the campaigns that a send belongs to: by its id, and by `formerly` where that was its id.

    What cannot be read says nothing.

    Args:
        present: every campaign file of the folder, by its normalised id.
    """
    named = SendId.parse(send_id)
    for item in present.values():
        campaign = load_campaign(item)
        if isinstance(campaign, Campaign) and (
            normalize_id(item.id) == normalize_id(named.campaign)
            or any(_may_be(SendId.parse(name), key, named) for _path, name, key in _named(campaign))
        ):
            yield campaign


def _may_be(former: SendId, key: str | None, named: SendId) -> bool:
    entries = {normalize_id(entry) for entry in (former.entry or key, named.entry) if entry is not None}
    return normalize_id(former.campaign) == normalize_id(named.campaign) and len(entries) < 2

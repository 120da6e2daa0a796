"""Compare the campaigns of a folder with those of a commit: what a change under review changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.model import Send
from wechat_campaigns.plan.review import Comparison, compare
from wechat_campaigns.plan.rule_changes import SettingsChange, edits
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.source.base_tree import resolve_ref, tree_at
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings, settings_data


def compare_since(
    root: Path,
    compiled: CompileResult,
    select: Sequence[str],
    ref: str,
    *,
    environment: str,
    variables: Mapping[str, str],
) -> Comparison:
    """Render the folder as it was at a commit, by the code of today, and compare.

    Args:
        root: the campaigns folder.
        compiled: the campaigns as they are.
        select: what was selected of them; empty means all.
        ref: the commit, as the user wrote it.

    Raises:
        UsageError: git does not have it, or the folder was too large to be compared.
    """
    commit = resolve_ref(root, ref)
    with tree_at(root, commit) as base:
        before, note = _compile_base(base, environment, variables)
        settings = _settings_edits(root, base)
    campaigns = {send.campaign for send in compiled.sends}

    def is_comparable(send: Send) -> bool:
        # A campaign that is not planned was not selected, cannot be rendered any more, or is gone.
        is_gone = not select and not (root / Path(send.location.file).relative_to(base)).exists()
        return send.campaign in campaigns or is_gone

    return compare(
        filter(is_comparable, before), compiled.sends, ref=ref, commit=commit, settings=settings, note=note
    )


def _settings_edits(root: Path, base: Path) -> tuple[SettingsChange, ...]:
    try:
        before = settings_data(base)
    except InvalidError:
        before = {}  # so that every key is shown
    return edits(before, settings_data(root))


def _compile_base(base: Path, environment: str, variables: Mapping[str, str]) -> tuple[tuple[Send, ...], str]:
    """Render the folder of the commit; with a note about what of it cannot be rendered."""
    try:
        compiled = compile_campaigns(
            base,
            settings=load_settings(base, environment=environment),
            files=Files(base),
            variables=variables,
        )
    except (InvalidError, UsageError) as error:
        message = _(
            "the campaigns of that commit cannot be rendered for {name}, so every send counts as new: {error}"
        )
        return (), message.format(name=environment, error=error.message)
    if not compiled.invalid:
        return compiled.sends, ""
    message = ngettext(
        "{count} campaign of that commit cannot be rendered and counts as new",
        "{count} campaigns of that commit cannot be rendered and count as new",
        len(compiled.invalid),
    )
    return compiled.sends, message.format(count=len(compiled.invalid))

"""Find the campaigns that a former id belongs to, and refuse a former id that is still in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Campaign
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.source.load import CampaignFile, load_campaign


def campaigns_by_id(found: Sequence[CampaignFile]) -> dict[str, CampaignFile]:
    """Return campaign files by their normalised id."""
    return {normalize_id(item.id): item for item in found}


def former_id_problems(campaign: Campaign, present: Mapping[str, CampaignFile]) -> tuple[Diagnostic, ...]:
    """Refuse a former id that a campaign or an entry still has: what is sent under it would count for both.

    Args:
        present: every campaign file of the folder, as `campaigns_by_id` gives them.
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
    """Return whether a campaign has an entry, or is one send; an unreadable one may have it."""
    campaign = load_campaign(item)
    if not isinstance(campaign, Campaign) or entry is None:
        return True
    return normalize_id(entry) in map(normalize_id, campaign.for_each or {})


def campaigns_of(send_id: str, present: Mapping[str, CampaignFile]) -> Iterator[Campaign]:
    """Yield the campaigns that a send belongs to: by its id, and by `formerly` where that was its id.

    What cannot be read says nothing.

    Args:
        present: every campaign file of the folder, as `campaigns_by_id` gives them.
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

"""`validate`: the cases under `tests/campaigns`, each broken file with its problems beside it."""

import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.folder import load_campaigns, parsed
from tests.support.outcomes import problem_line
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.source.validate import Campaign, check_campaign

CASES = Path(__file__).parents[2] / "campaigns"
INVALID = sorted((CASES / "invalid").glob("*.yaml"))
VALID = sorted((CASES / "valid").glob("*.yaml"))


def check(text: str) -> Campaign | tuple[Diagnostic, ...]:
    return check_campaign(parsed(text))


@pytest.mark.deep
@pytest.mark.parametrize("case", INVALID, ids=lambda path: path.stem)
def test_a_broken_campaign_has_exactly_its_problems(case: Path, tmp_path: Path) -> None:
    shutil.copy(case, tmp_path)
    loaded = load_campaigns(tmp_path)
    assert loaded.campaigns == []
    assert [problem_line(problem) for problem in loaded.problems] == case.with_suffix(
        ".expected"
    ).read_text().splitlines()


@pytest.mark.parametrize("case", VALID, ids=lambda path: path.stem)
def test_a_valid_campaign_is_accepted(case: Path, tmp_path: Path) -> None:
    shutil.copy(case, tmp_path)
    loaded = load_campaigns(tmp_path)
    assert loaded.problems == []
    assert [campaign.id for campaign in loaded.campaigns] == [case.stem]


def test_a_campaign_carries_what_was_written() -> None:
    (campaign,) = load_campaigns(CASES / "valid", ["everything"]).campaigns
    assert campaign.not_before == datetime(2026, 12, 1, 19, tzinfo=UTC)
    assert campaign.not_after == datetime(
        2026, 12, 1, 22, 0, 0, 500_000, tzinfo=timezone(timedelta(hours=-5))
    )
    assert campaign.revision == 2
    assert campaign.msgtype == "mpnews"
    assert list(campaign.for_each or ()) == ["北京", "shang-hai_1.x"]
    assert campaign.vars["map"] == {"any key": {"deep": 1.5}}
    assert campaign.source.location(("vars", "price")).line == 15


def test_left_out_keys_have_their_defaults() -> None:
    campaign = check("filter: {tag_id: 2}\nmsgtype: text\ncontent: hi\n")
    assert isinstance(campaign, Campaign)
    assert (campaign.revision, campaign.send_ignore_reprint, campaign.not_before) == (1, False, None)
    assert (campaign.vars, campaign.labels, campaign.for_each, campaign.account) == ({}, {}, None, None)


def test_openids_are_never_repeated() -> None:
    problems = check(
        "filter: {openids: [oABCDEFGHIJKLMNOPQRSTUVWXYZ0, {oid: oSECRET}, 7]}\nmsgtype: text\ncontent: x\n"
    )
    assert isinstance(problems, tuple)
    assert len(problems) == 2
    assert not any("oABC" in p.message + p.hint or "oSECRET" in p.message + p.hint for p in problems)

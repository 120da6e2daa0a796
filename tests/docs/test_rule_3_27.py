"""docs/rule-3-27.md: each step of the table has tests that exist, and the example is read as it is meant."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from wechat_campaigns.source.settings import load_settings

PAGE = ROOT / "docs" / "rule-3-27.md"
SHOWN_BY = {
    "See": """test_what_reads_records_nothing test_from_pull_request_to_follower
        test_articles_stand_on_phones_with_their_pictures""",
    "Try": "test_exactly_what_was_previewed_may_be_sent",
    "Decide": """test_any_answer_but_yes_sends_nothing_and_says_so
        test_yes_sends_and_the_accounts_name_sends_to_everyone test_how_a_send_was_agreed_to_is_recorded
        test_any_change_to_content_or_receivers_changes_the_digest
        test_plan_digest_covers_window_revision_and_appid test_each_difference_is_refused_by_name
        test_a_reviewed_digest_covers_the_rules
        test_a_protected_environment_sends_nothing_without_a_review""",
    "Approve": """test_nothing_is_sent_until_it_is_approved test_what_is_not_as_it_was_approved_waits
        test_two_who_must_approve_are_two_keys test_what_ends_an_approval_by_its_place""",
    "Record": """test_how_a_send_was_agreed_to_is_recorded test_an_override_is_recorded_with_its_reason
        test_tampering_with_any_event_is_found""",
    "Keep": """test_a_send_is_archived_as_it_was_posted test_a_message_that_the_folder_no_longer_renders
        test_an_archive_names_who_approved_and_who_ran_it
        test_an_archive_names_the_approvals_by_which_it_was_sent
        test_the_archive_of_three_sends_is_read_without_the_tool""",
    "many accounts": """test_copied_campaigns_count_as_the_same_content
        test_interval_lets_one_account_send_and_the_others_wait""",
    "coding agents": "test_an_agent_is_refused_what_reaches_followers_or_loosens_a_rule",
    "by hand": "test_a_draft_is_handed_over_and_no_run_ever_sends_it "
    "test_figures_speak_for_it_and_a_person_closes_it",
}
"""The tests of each step of the table, and of what stands below it."""


def test_every_step_has_tests_that_exist() -> None:
    """A renamed or removed test takes the claim with it."""
    files = (ROOT / "tests").rglob("test_*.py")
    tests = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)}
    assert {name for names in SHOWN_BY.values() for name in names.split()} - tests == set()
    steps = re.findall(r"^\| ([A-Z]\w+) \|", PAGE.read_text("utf-8"), re.M)
    assert steps == [step for step in SHOWN_BY if step.istitle()]


@pytest.mark.parametrize("page", [PAGE, PAGE.with_suffix(".zh-CN.md")], ids=["en", "zh"])
def test_the_example_turns_on_what_the_page_describes(page: Path, tmp_path: Path) -> None:
    (example,) = blocks(page)
    (tmp_path / "_settings.yaml").write_text(example.body, encoding="utf-8")
    settings = load_settings(tmp_path, environment="production")
    environment = settings.environment
    policy = settings.policy_of(environment.accounts["main"])
    assert environment.protected
    assert environment.approvals is not None
    assert (policy.require_preview, policy.min_interval, policy.same_content_accounts) == (True, 60, 1)
    assert policy.require_approval_record
    assert policy.levels == {"same_content_accounts": "mandatory"}

"""Reports that machines read: fields as their formats ask, fingerprints that stay."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import make_send, make_settings, plan_of, view_of
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.report.problems import codequality, fingerprints, problems_github

PROBLEM = Diagnostic(
    location=Location(file="./campaigns/销售.yaml", line=3, column=5), path="$.msgtype", rule="enum",
    message="不对", hint="改",
)  # fmt: skip


def test_code_quality_has_the_five_fields_gitlab_asks_for() -> None:
    (entry,) = json.loads(codequality([replace(PROBLEM, location=Location(file="campaigns/a.yaml"))]))
    assert entry.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
    assert entry["location"] == {"path": "campaigns/a.yaml", "lines": {"begin": 1}}
    assert entry["severity"] == "major"


@given(st.integers(1, 9999), st.integers(1, 99))
def test_a_fingerprint_stays_when_its_line_moves(line: int, column: int) -> None:
    moved = replace(PROBLEM, location=replace(PROBLEM.location, line=line, column=column))
    assert list(fingerprints([moved])) == list(fingerprints([PROBLEM]))


def test_fingerprints_of_like_problems_differ() -> None:
    assert len(set(fingerprints([PROBLEM, PROBLEM, replace(PROBLEM, rule="other")]))) == 3


def test_annotations_are_the_first_nine_and_how_many_more() -> None:
    problems = [replace(PROBLEM, message=str(n)) for n in range(12)]
    lines = problems_github([*problems, replace(PROBLEM, level="warning")]).split("\n")
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 9 + ["::notice", "::warning"]
    assert "error: 3 more" in lines[9]
    assert lines[0].startswith("::error file=campaigns/销售.yaml,line=3,col=5,title=campaign enum::0 →")


def test_every_rule_that_blocks_a_send_is_a_warning_at_its_campaign() -> None:
    policy = Policy(allow_to_all=False, require_not_after=True)
    plan = plan_of(make_send("all", filter=Filter(is_to_all=True)), settings=make_settings(policy=policy))
    problems = [(one.rule, one.level, one.location.file) for one in view_of(plan).problems]
    place = ("warning", "campaigns/all.yaml")
    assert problems == [("plan-policy", *place), ("plan-require-not-after", *place)]
    everyone, no_end = (note.text for note in view_of(plan).notes)
    assert everyone.startswith("all: the filter selects every follower, which the policy does not allow → ")
    assert no_end.startswith("all: the campaign does not set `not_after` → ")


def test_what_an_offline_plan_cannot_check_is_one_line() -> None:
    settings = make_settings(policy=Policy(max_recipients=500))
    sends = [make_send(name, name) for name in ("a", "b", "c")]
    plan = plan_of(*sends, settings=settings, remote_facts=None)
    lines = [note.text for note in view_of(plan).notes if "max_recipients" in note.text]
    assert lines == [
        "without WeChat's answers, the plan did not check: max_recipients (3 sends) → the plan "
        "after the merge and `campaign apply` check again"
    ]
    assert [problem.rule for problem in view_of(plan).problems] == []
    seen = plan_of(*sends, settings=settings)
    assert len([1 for note in view_of(seen).notes if "max_recipients" in note.text]) == 3

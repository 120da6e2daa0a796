"""What may be an id, which ids look alike, and how a name stands in a command that is pasted."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.folder import load_campaigns
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.names import (
    STRICT,
    close_matches,
    full_id,
    id_fault,
    list_id,
    namespace_of,
    nearest,
    quoted,
    skeleton,
)
from wechat_campaigns.plan.hints import resend_hint

CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"


@pytest.mark.parametrize(
    ("written", "full", "namespace"),
    [
        ("sale", "shop:sale", "shop"),
        ("sale[a:b]#2", "shop:sale[a:b]#2", "shop"),
        ("Shop:sale", "Shop:sale", "Shop"),
        ("office:sale", "office:sale", "office"),
        (":sale", "sale", ""),
    ],
)
def test_id_is_written_with_its_namespace_or_without(written: str, full: str, namespace: str) -> None:
    assert full_id("shop", written) == full
    assert namespace_of(full) == namespace
    assert full_id("", full) == full


def test_parts_of_one_list_have_one_name() -> None:
    """Another entry of `for_each` has another list."""
    assert list_id("sale#1") == list_id("sale#12") == list_id("sale") == "sale"
    assert list_id("sale[beijing]#1") == "sale[beijing]"


@pytest.mark.parametrize(
    "name",
    ["sale", "2026/春茶-1.5", "чай", "τσάι", "चाय", "お茶", "차_1", "café", "cafe\u0301", "v1/чай-tea"],
)
def test_letters_of_any_script_make_an_id(name: str) -> None:
    assert id_fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *(f"a{one}b" for one in "`'\"$&|;()<>~*?!#[]:\\,@=%{} \n\u3000\u202e\u200d\ufe0f\ue000🎉"),
        "tea`touch${IFS}PWNED`", "-tea", "2026/-tea", "a//b", "", "/a", "tеa", "ΑB",
    ],
)  # fmt: skip
def test_what_a_shell_or_a_reader_takes_for_something_else_is_no_id(name: str, tmp_path: Path) -> None:
    fault = id_fault(name)
    assert fault is not None
    if "/" in name or not name:
        return
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / f"{name}.yaml").write_text(CAMPAIGN, encoding="utf-8")
    (problem,) = load_campaigns(root).problems
    assert problem.rule == "campaign-id"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tea", "теа"),
        ("Tea", "ΤΕΑ"),
        ("tea", "ｔｅａ"),
        ("口", "ロ"),
        ("sale", "Sale"),
        ("Straße", "STRASSE"),
    ],
)
def test_two_ids_that_look_alike_are_refused(one: str, other: str, tmp_path: Path) -> None:
    assert skeleton(one) == skeleton(other)
    for folder, name in (("campaigns", one), ("campaigns/..", "x"), ("campaigns", other)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.yaml").write_text(CAMPAIGN, encoding="utf-8")
    problems = load_campaigns(tmp_path / "campaigns").problems
    assert [problem.rule for problem in problems] == ["campaign-id-taken"] * 2


def test_a_former_id_is_an_id(tmp_path: Path) -> None:
    root = tmp_path / "campaigns"
    root.mkdir()
    former = "formerly: ['a`b', 'good', 'good[x;y]']\nfor_each: {a: {formerly: ['-z']}}\n"
    (root / "sale.yaml").write_text(CAMPAIGN + former, encoding="utf-8")
    paths = [problem.path for problem in load_campaigns(root).problems]
    assert paths == ["$.formerly[0]", "$.formerly[2]", "$.for_each.a.formerly[0]"]


@pytest.mark.parametrize(
    "name", ["sale", "茶", "sale[beijing]#2", "a`id`b", "a'b", "$(id)", "a b", "~/x", "!!"]
)
def test_a_quoted_name_is_one_word_of_bash(name: str) -> None:
    shown = subprocess.run(
        ["bash", "-c", f"printf '%s|' x {quoted(name)} y"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"x|{name}|y|"
    command = resend_hint(name, "").split("`campaign apply --resend ")[1]
    assert shlex.split(command.split("`; or")[0]) == [name]


def test_what_completes_in_bash_is_offered_as_it_may_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
    assert run(["init"]) == ExitCode.OK
    for name in ("tea`touch${IFS}PWNED`", "tea", "-tea"):
        Path(f"campaigns/{name}.yaml").write_text(CAMPAIGN, encoding="utf-8")
    monkeypatch.setenv("_CAMPAIGN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "campaign plan te")
    monkeypatch.setenv("COMP_CWORD", "2")
    done = subprocess.run(
        [sys.executable, "-m", "wechat_campaigns"], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["plain,tea"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("conten", "content"), ("Content", "content"), ("not-before", "not_before"),
     ("notBefore", "not_before"), ("xyz", None)],
)  # fmt: skip
def test_nearest_word_is_suggested(written: str, meant: str | None) -> None:
    assert nearest(written, ["content", "not_before", "filter"], cutoff=STRICT) == meant


def test_several_suggestions_are_listed_nearest_first() -> None:
    known = ["VIP_Beijing", "vip_nanjing", "新客"]
    assert close_matches("vip-beijing", known, most=3) == known[:2]
    assert close_matches("vip-beijing", known, most=1) == known[:1]

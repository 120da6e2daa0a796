"""`load`: a folder becomes campaigns and problems."""

import os
import time
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.source.load import load_campaigns

VALID = "filter: {tag: 会员}\nmsgtype: text\ncontent: hi\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    return folder


def write(root: Path, name: str, text: str = VALID) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_an_id_is_the_path_without_suffix(root: Path) -> None:
    for name in ("zebra.yaml", "2026/spring/sale.yaml", "welcome-vip.yml", "中秋.yaml"):
        write(root, name)
    loaded = load_campaigns(root)
    assert [c.id for c in loaded.campaigns] == ["2026/spring/sale", "welcome-vip", "zebra", "中秋"]
    assert loaded.campaigns[0].file == PurePosixPath("2026/spring/sale.yaml")
    assert loaded.problems == ()


def test_files_that_are_not_campaigns_are_ignored(root: Path) -> None:
    for name in (
        "_settings.yaml",
        "_partials/x.yaml",
        ".idea/x.yaml",
        "a/_b/x.yaml",
        "a/cover.png",
        "readme.md",
    ):
        write(root, name, "not: [yaml")
    assert load_campaigns(root).problems == ()
    assert load_campaigns(root).campaigns == ()


def test_one_broken_file_does_not_hide_another(root: Path) -> None:
    write(root, "a.yaml", "filter: [")
    write(root, "b.yaml", "msgtype: text\n")
    write(root, "c.yaml")
    loaded = load_campaigns(root)
    assert [c.id for c in loaded.campaigns] == ["c"]
    assert {Path(p.location.file).name for p in loaded.problems} == {"a.yaml", "b.yaml"}
    assert len(loaded.problems) == 3


def test_a_problem_names_the_file_as_typed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "2026/a.yaml", "msgtype: [")
    monkeypatch.chdir(root.parent)
    (problem,) = load_campaigns(Path("campaigns")).problems
    assert str(problem.location) == "campaigns/2026/a.yaml:1:11"


@pytest.mark.parametrize(
    "pair", [("sale.yaml", "sale.yml"), ("Sale.yaml", "sale.yaml"), ("Straße.yaml", "STRASSE.yaml")]
)
def test_ids_that_differ_only_by_case_or_suffix_are_refused(root: Path, pair: tuple[str, str]) -> None:
    for name in pair:
        write(root, name)
    problems = load_campaigns(root).problems
    assert [p.rule for p in problems] == ["campaign-id-taken"] * 2
    assert pair[0] in problems[0].message + problems[0].location.file


def test_an_id_is_normalised(root: Path) -> None:
    write(root, unicodedata.normalize("NFD", "café.yaml"))
    assert [c.id for c in load_campaigns(root).campaigns] == [unicodedata.normalize("NFC", "café")]


@pytest.mark.parametrize("name", ["a b.yaml", "sale[1].yaml", "sale#1.yaml", "a,b.yaml"])
def test_a_name_that_cannot_be_an_id_is_refused(root: Path, name: str) -> None:
    write(root, name)
    assert [p.rule for p in load_campaigns(root).problems] == ["campaign-id"]


@pytest.mark.parametrize("name", ["sale.YAML", "2026/sale.Yml"])
def test_suffix_in_capitals_is_refused_not_skipped(root: Path, name: str) -> None:
    """Editors of Windows write it so: the campaign would never be sent, and nobody would be told."""
    write(root, name)
    (problem,) = load_campaigns(root).problems
    assert (problem.rule, problem.location.file.endswith(name)) == ("campaign-id", True)
    assert f"sale.{name.rpartition('.')[2].lower()}" in problem.hint


def test_file_name_in_gbk_is_refused_with_a_printable_message(root: Path) -> None:
    try:
        os.close(os.open(os.fsencode(root) + b"/\xb4\xba.yaml", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system knows UTF-8 names only")
    (problem,) = load_campaigns(root).problems
    assert (problem.rule, problem.location.file.rsplit("/")[-1]) == ("campaign-id", "\\xb4\\xba.yaml")
    assert "GBK" in problem.message


def test_the_size_of_a_campaign_is_bounded(root: Path) -> None:
    write(root, "fits.yaml", VALID + "#" * (1024 * 1024 - len(VALID.encode())))
    write(root, "large.yaml", VALID + "#" * (1024 * 1024 + 1 - len(VALID.encode())))
    loaded = load_campaigns(root)
    assert [c.id for c in loaded.campaigns] == ["fits"]
    assert [p.rule for p in loaded.problems] == ["file-too-large"]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_is_refused_not_skipped(root: Path, tmp_path: Path, what: str) -> None:
    """A linked campaign is neither sent nor silently left out, whatever else is selected."""
    write(tmp_path, "outside/sale.yaml")
    if what == "file":
        (root / "sale.yaml").symlink_to(tmp_path / "outside/sale.yaml")
    else:
        (root / "more").symlink_to(tmp_path / "outside")
    write(root, "other.yaml")
    for only in ((), ("other",)):
        with pytest.raises(InvalidError) as caught:
            load_campaigns(root, only)
        assert [p.rule for p in caught.value.problems] == ["file-link"]


@pytest.mark.parametrize(
    ("only", "ids"),
    [
        (["a"], ["a"]),
        (["b/*"], ["b/c", "b/d"]),
        (["b"], ["b/c", "b/d"]),
        (["b/"], ["b/c", "b/d"]),
        (["a.yaml", "b/d"], ["a", "b/d"]),
        (["campaigns/b/c.yaml"], ["b/c"]),
        (["./campaigns/b"], ["b/c", "b/d"]),
        (["campaigns"], ["a", "b/c", "b/d"]),
        (["."], ["a", "b/c", "b/d"]),
    ],
)
def test_a_selection(root: Path, monkeypatch: pytest.MonkeyPatch, only: list[str], ids: list[str]) -> None:
    for name in ("a.yaml", "b/c.yaml", "b/d.yaml"):
        write(root, name)
    write(root, "broken.yaml", "[") if ids != ["a", "b/c", "b/d"] else None
    monkeypatch.chdir(root.parent)
    loaded = load_campaigns(Path("campaigns"), only)
    assert [c.id for c in loaded.campaigns] == ids
    assert loaded.problems == ()


def test_an_absolute_path_selects(root: Path) -> None:
    write(root, "a.yaml")
    assert [c.id for c in load_campaigns(root, [str(root / "a.yaml")]).campaigns] == ["a"]


def test_a_selection_of_nothing_is_an_error(root: Path) -> None:
    write(root, "welcome.yaml")
    with pytest.raises(UsageError) as caught:
        load_campaigns(root, ["welcom"])
    assert caught.value.hint == "did you mean `welcome`?"


@pytest.mark.parametrize("written", ["tea", "tee", "autum/tea"])
def test_name_without_its_folder_is_suggested_with_it(root: Path, written: str) -> None:
    write(root, "autumn/tea.yaml")
    with pytest.raises(UsageError) as caught:
        load_campaigns(root, [written])
    assert caught.value.hint == "did you mean `autumn/tea`?"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_campaigns(tmp_path / "campaigns")


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "".join(f"key{n}: x\n" for n in range(5_000)),
        "".join(f"key{n % 5_000}: x\n" for n in range(10_000)),
        "filter: {tag: 2}\nmsgtype: text\ncontent: x\nlabels:\n"
        + "".join(f"  k{n}: {n}\n" for n in range(5_000)),
        "vars:\n" + "".join(f"  k{n}: no\n" for n in range(5_000)),
    ],
    ids=["unknown", "duplicate", "wrong", "surprise"],
)
def test_problems_of_one_file_are_bounded(root: Path, text: str) -> None:
    write(root, "x.yaml", text)
    begun = time.process_time()
    problems = load_campaigns(root).problems
    assert time.process_time() - begun < 20
    assert len(problems) == 101
    assert problems[-1].rule == "too-many-problems"


BROKEN = [
    path.read_bytes()
    for path in Path(__file__).parents[2].glob("campaigns/*/*.yaml")
    if path.stat().st_size < 2000
]


@pytest.mark.deep
@given(
    st.binary(max_size=80)
    | st.tuples(st.sampled_from(BROKEN), st.integers(0, 200), st.binary(max_size=4), st.integers(0, 5)).map(
        lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + t[3] :]
    )
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_raise(root: Path, data: bytes) -> None:
    (root / "x.yaml").write_bytes(data)
    loaded = load_campaigns(root)
    assert bool(loaded.campaigns) != bool(loaded.problems)
    for problem in loaded.problems:
        assert problem.location.file.endswith("x.yaml")
        assert problem.message
        assert problem.hint


def test_a_link_to_itself_is_refused(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(InvalidError) as caught:
        load_campaigns(root)
    assert [p.rule for p in caught.value.problems] == ["file-link"]


def test_a_folder_that_cannot_be_read_is_named(root: Path) -> None:
    """Campaigns below it would be missing without a word."""
    (root / "locked").mkdir(mode=0o000)
    if os.access(root / "locked", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(UsageError, match="locked` cannot be read"):
        load_campaigns(root)

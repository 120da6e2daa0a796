"""`load`: a folder becomes campaigns and problems."""

import os
import time
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.folder import load_campaigns
from wechat_campaigns.core.errors import UsageError

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
    assert loaded.problems == []


def test_files_that_are_not_campaigns_are_ignored(root: Path) -> None:
    for name in ("_settings.yaml", "_partials/x.yaml", ".idea/x.yaml", "a/_b/x.yaml", "a/c.png", "readme.md"):
        write(root, name, "not: [yaml")
    assert load_campaigns(root).problems == []
    assert load_campaigns(root).campaigns == []


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


def test_an_id_is_normalised(root: Path) -> None:
    write(root, unicodedata.normalize("NFD", "café.yaml"))
    assert [c.id for c in load_campaigns(root).campaigns] == [unicodedata.normalize("NFC", "café")]


def test_the_size_of_a_campaign_is_bounded(root: Path) -> None:
    write(root, "fits.yaml", VALID + "#" * (1024 * 1024 - len(VALID.encode())))
    write(root, "large.yaml", VALID + "#" * (1024 * 1024 + 1 - len(VALID.encode())))
    loaded = load_campaigns(root)
    assert [c.id for c in loaded.campaigns] == ["fits"]
    assert [p.rule for p in loaded.problems] == ["file-too-large"]


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
    assert loaded.problems == []
    assert [c.id for c in load_campaigns(root, [str(root / "a.yaml")]).campaigns] == ["a"]


@pytest.mark.deep
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


def test_a_folder_that_cannot_be_read_is_named(root: Path) -> None:
    """Campaigns below it would be missing without a word."""
    (root / "locked").mkdir(mode=0o000)
    if os.access(root / "locked", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(UsageError, match="locked` cannot be read"):
        load_campaigns(root)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("welcome", "welcom", "welcome"),
        ("autumn/tea", "tee", "autumn/tea"),
        ("autumn/tea", "autum/tea", "autumn/tea"),
    ],
)
def test_a_selection_of_nothing_suggests_what_is_there(
    root: Path, name: str, written: str, meant: str
) -> None:
    write(root, f"{name}.yaml")
    with pytest.raises(UsageError) as caught:
        load_campaigns(root, [written])
    assert caught.value.hint == f"did you mean `{meant}`?"
    with pytest.raises(UsageError, match="does not exist"):
        load_campaigns(root / "missing")


def test_one_id_with_two_suffixes_is_refused(root: Path) -> None:
    for name in ("sale.yaml", "sale.yml"):
        write(root, name)
    assert [p.rule for p in load_campaigns(root).problems] == ["campaign-id-taken"] * 2


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [(b"sale.YAML", "sale.YAML", "`sale.yaml`"), (b"2026/sale.Yml", "sale.Yml", "`sale.yml`"),
     (b"\xb4\xba.yaml", "\\xb4\\xba.yaml", "GBK")],
)  # fmt: skip
def test_a_name_that_would_be_skipped_is_refused(root: Path, name: bytes, shown: str, said: str) -> None:
    """Editors of Windows write it so: the campaign would never be sent, and nobody would be told."""
    (root / "2026").mkdir()
    try:
        os.close(os.open(os.fsencode(root) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system knows UTF-8 names only")
    (problem,) = load_campaigns(root).problems
    assert (problem.rule, problem.location.file.rsplit("/")[-1]) == ("campaign-id", shown)
    assert said in problem.message + problem.hint

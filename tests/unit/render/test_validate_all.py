"""`validate_campaigns` with its cache: a run with it finds exactly what a run without it finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest
from PIL import Image

from tests.support.factories import make_settings
from wechat_campaigns.cli.language import choose
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.core.i18n import english_text
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.core.workers import ENOUGH
from wechat_campaigns.render import validation_cache as clean
from wechat_campaigns.render.validate_all import ValidationResult, validate_campaigns
from wechat_campaigns.render.validation_cache import (
    CacheEntry,
    TrackedFiles,
    ValidationCache,
    digest_of,
    load_cache,
)
from wechat_campaigns.source.files import MAX_TEXT_BYTES, Files

pytestmark = pytest.mark.slow

TEXT = (
    "filter: {tag: 会员}\nmsgtype: text\ncontent: '{% include \"sign.txt\" %} {{ city }}'\nvars: {city: 京}\n"
)
FROM_FILE = "filter: {tag: 会员}\nmsgtype: text\ncontent: {text_file: words.txt}\n"
VOICE = "filter: {tag: 会员}\nmsgtype: voice\ncontent: {file: hello.mp3}\n"
MP3 = b"\xff\xfb\x90\x00" + b"\0" * 413


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Enough campaigns for the memory to be used: texts with an include, one text file, one recording."""
    root = tmp_path / "campaigns"
    (root / "_partials").mkdir(parents=True)
    (root / "_partials/sign.txt").write_text("示例商城", encoding="utf-8")
    (root / "words.txt").write_text("你好", encoding="utf-8")
    (root / "hello.mp3").write_bytes(MP3)
    for number in range(ENOUGH):
        (root / f"c{number}.yaml").write_text(TEXT, encoding="utf-8")
    (root / "file.yaml").write_text(FROM_FILE, encoding="utf-8")
    (root / "voice.yaml").write_text(VOICE, encoding="utf-8")
    return root


def run(
    root: Path,
    settings: Settings | None = None,
    variables: Mapping[str, str] | None = None,
    now_ns: int | None = None,
) -> tuple[ValidationResult, ValidationResult]:
    """Examine with the memory and without; both find the same."""
    found = [
        validate_campaigns(
            root,
            settings=settings or make_settings(),
            files=Files(root),
            variables=variables,
            cache=cache,
            now_ns=now_ns,
        )
        for cache in (root.parent / "cache", None)
    ]
    for one in found:
        assert (one.sends, one.file_problems, one.problems) == (
            found[1].sends, found[1].file_problems, found[1].problems
        )  # fmt: skip
    return found[0], found[1]


@pytest.mark.deep
def test_a_new_file_of_a_pattern_is_noticed(root: Path) -> None:
    """Nothing that was read has changed then, only what the folder holds; the order of names counts, too."""
    source = "filter: {tag: 会员}\nmsgtype: image\ncontent: {images: 'p/*.jpg'}\n"
    (root / "post.yaml").write_text(source, encoding="utf-8")
    (root / "p").mkdir()
    jpeg = b"\xff\xd8\xff" + b"\0" * 90
    (root / "p/1.jpg").write_bytes(jpeg)
    assert not run(root)[0].problems
    assert not run(root)[0].problems
    (root / "p/2.jpg").write_bytes(b"")
    assert [problem.rule for problem in run(root)[0].problems] == ["file-empty"]


def test_a_picture_of_an_article_that_two_campaigns_send_is_noticed(root: Path) -> None:
    """The article is made once, but each of the two campaigns depends on what it is made of."""
    article = "{title: 秋茶, body: a.md, cover: {media_id: x}}"
    for name in ("one", "two"):
        text = f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{articles: [{article}]}}\n"
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    (root / "a.md").write_text("到店喝茶。\n\n![茶](tea.png)\n", encoding="utf-8")
    Image.new("RGB", (60, 40)).save(root / "tea.png")
    assert not run(root)[0].problems
    (root / "tea.png").write_bytes(b"no picture")
    assert [problem.rule for problem in run(root)[0].problems] == ["image-format"] * 2


def rewritten(path: Path, data: bytes) -> None:
    """Write other bytes of the same length with the same times: only a look at the bytes tells."""
    before = path.stat()
    assert len(data) == before.st_size
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def just_written(root: Path) -> int:
    """The moment of the last write below a folder: for a run that begins then, all of it may change still.

    Files and runs have one clock, so a busy machine between two lines of a test changes nothing.
    """
    paths = [root, *root.rglob("*")]
    return max(max(s.st_mtime_ns, s.st_ctime_ns) for s in (path.lstat() for path in paths))


def left_alone(root: Path) -> int:
    """A minute after the last write: for a run that begins then, files are known by their stamps."""
    return just_written(root) + 60 * 10**9


def memory_of(root: Path, now_ns: int | None = None) -> ValidationCache:
    return load_cache(root.parent / "cache", root=root, settings=make_settings(), variables={}, now_ns=now_ns)


def tampered(root: Path, **changes: Any) -> dict[str, CacheEntry]:
    """Change every entry of the memory, which is then as whole as before."""
    memory = memory_of(root)
    entries = {
        path: CacheEntry(stamp, digest, sends, (), read)
        for path, (stamp, digest, sends, _, read) in memory.campaigns.items()
    }
    changed = {path: one._replace(**changes) for path, one in entries.items()}
    memory.write(changed, memory.files)
    return entries


def sends_of(root: Path, now_ns: int | None = None) -> int:
    found = validate_campaigns(
        root, settings=make_settings(), files=Files(root), cache=root.parent / "cache", now_ns=now_ns
    )
    return found.sends


def test_valid_file_is_not_validated_again(root: Path) -> None:
    """What an unchanged file was found to be is taken from the memory, even a number that is made up."""
    first, _ = run(root, now_ns=just_written(root))
    entries = tampered(root, sends=7)
    assert first.sends == ENOUGH + 2 == len(entries)
    assert {one.stamp for one in entries.values()} == {None}, "changed a moment ago: only bytes tell"
    assert sends_of(root, just_written(root)) == 7 * len(entries)


def test_unchanged_file_is_not_read_again(root: Path) -> None:
    """Inode, size and times to the nanosecond stand for the digest; without them the bytes are looked at."""
    run(root, now_ns=left_alone(root))
    entries = tampered(root, sends=7, digest="of other bytes")
    assert sends_of(root, left_alone(root)) == 7 * len(entries)
    tampered(root, sends=7, digest="of other bytes", stamp=[1, 2, 3, 4])
    assert sends_of(root, left_alone(root)) == len(entries)


@pytest.mark.deep
def test_warning_is_cached_with_its_file(root: Path) -> None:
    """A file that only warns is as unchanged as one that does not, and warns again."""
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: " + "长" * 650 + "\n"
    (root / "long.yaml").write_text(text, encoding="utf-8")
    first, _ = run(root, now_ns=left_alone(root))
    assert [problem.rule for problem in first.problems] == ["text-long"]
    assert str(root / "long.yaml") in memory_of(root).campaigns
    again, _ = run(root, now_ns=left_alone(root))
    assert again.problems == first.problems


@pytest.mark.deep
def test_warning_is_cached_by_language(root: Path) -> None:
    """Another language says it anew, and what is remembered knows its English as what is said anew does."""
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: " + "长" * 650 + "\n"
    (root / "long.yaml").write_text(text, encoding="utf-8")
    (plain,) = run(root, now_ns=left_alone(root))[0].problems
    choose("zh")
    (first,) = run(root, now_ns=left_alone(root))[0].problems
    (again,) = run(root, now_ns=left_alone(root))[0].problems
    assert first.message == again.message != plain.message
    assert english_text(first.message) == english_text(again.message) == plain.message


def test_a_folder_that_became_a_link_to_the_same_files_is_found(root: Path, tmp_path: Path) -> None:
    """A file may stay what it was while the way to it has become a link."""
    (root / "inner").mkdir()
    (root / "inner/words.txt").write_text("你好", encoding="utf-8")
    (root / "file.yaml").write_text(FROM_FILE.replace("words", "inner/words"), encoding="utf-8")
    run(root, now_ns=left_alone(root))
    (root / "inner").rename(tmp_path / "outside")
    (root / "inner").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidError) as caught:
        run(root, now_ns=left_alone(root))
    assert [problem.rule for problem in caught.value.problems] == ["file-link"]


@pytest.mark.parametrize("clock", [just_written, left_alone])
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c7.yaml", TEXT.replace("tag: 会员", "tag_: 员").encode()),
        ("_partials/sign.txt", b"{{ nope }}.."),
        ("words.txt", b"{{ x }"),
        ("hello.mp3", b"RIFF" + MP3[4:]),
    ],
)
@pytest.mark.deep
def test_change_with_an_old_date_is_found(
    root: Path, name: str, data: bytes, clock: Callable[[Path], int]
) -> None:
    """Whatever a campaign reads is known by its bytes: same size, same date, still looked at again."""
    run(root, now_ns=clock(root))
    size = (root / name).stat().st_size
    rewritten(root / name, data[:size].ljust(size, b" "))
    found, _ = run(root, now_ns=clock(root))
    assert found.file_problems or found.problems


def test_an_include_that_comes_to_stand_before_another_is_found(root: Path) -> None:
    """A file that is added can change what a name means, so a name once looked for in vain is no memory."""
    text = TEXT.replace("sign.txt", "_texts/sign.txt")
    (root / "_texts").mkdir()
    (root / "_texts/sign.txt").write_text("再见", encoding="utf-8")
    for number in range(3):
        (root / f"d{number}.yaml").write_text(text, encoding="utf-8")
    run(root)
    (root / "_partials/_texts").mkdir()
    (root / "_partials/_texts/sign.txt").write_text("{{ nobody }}", encoding="utf-8")
    found, _ = run(root)
    assert {problem.rule for problem in found.problems} == {"template"}


def test_what_is_read_counts_though_a_stamp_told_of_something_else(root: Path) -> None:
    """A file is other bytes for a moment: who was checked with them is not clean with the former ones."""
    sign = root / "_partials/sign.txt"

    class ForAMoment(Files):
        def text(self, base_file: PurePosixPath, path: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
            if not path.endswith("sign.txt"):
                return super().text(base_file, path, limit_bytes)
            os.utime(sign)  # it was changed, and changed back
            return "示例"

    sign.write_text("{{ city }}", encoding="utf-8")
    run(root, now_ns=left_alone(root))
    (root / "new.yaml").write_text(TEXT.replace("{{ city }}", "").replace("city: 京", ""), encoding="utf-8")
    cache, settings = root.parent / "cache", make_settings()
    found = validate_campaigns(
        root, settings=settings, files=ForAMoment(root), cache=cache, now_ns=left_alone(root)
    )
    assert not found.problems
    found, _ = run(root, now_ns=left_alone(root))
    assert [problem.rule for problem in found.problems] == ["template"]


def test_data_is_known_by_what_was_read_each_time() -> None:
    """Two campaigns may read a picture before and after it was changed."""

    class Changing:
        def __init__(self) -> None:
            self.left = [b"before", b"after"]

        def data(self, _path: PurePosixPath) -> bytes:
            return self.left.pop(0)

    memory = ValidationCache(file=Path("none"), fingerprint=b"", now_ns=0)
    watched = TrackedFiles(cast(Files, Changing()), Path("campaigns"), memory)
    read = []
    for _ in range(2):
        watched.begin()
        watched.data(PurePosixPath("a.png"))
        read.append(watched.read)
    assert read == [{"data:a.png": digest_of(b"before")}, {"data:a.png": digest_of(b"after")}]


def test_cache_of_another_user_is_not_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one user was let read, another may not: a file's stamp does not tell."""
    run(root)
    assert memory_of(root).campaigns
    monkeypatch.setattr(os, "getgroups", lambda: [4711])
    assert not memory_of(root).campaigns


def test_cache_of_another_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog compiled anew may say a warning that is kept in other words."""
    monkeypatch.setattr(clean, "PACKAGE", tmp_path)
    found = []
    for words in (b"1", b"12"):
        (tmp_path / "campaign.mo").write_bytes(words)
        found.append(memory_of(tmp_path).fingerprint)
    assert found[0] != found[1]


@pytest.mark.deep
def test_cache_of_other_settings_is_not_used(root: Path) -> None:
    """What was clean under one set of accounts and variables says nothing about another."""
    run(root)
    found, _ = run(root, variables={"city": "\x07"})
    assert found.problems
    environment = replace(make_settings().environment, accounts={}, default_account=None)
    found, _ = run(root, settings=replace(make_settings(), environment=environment))
    assert found.problems


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b",1,[],", b",9,[],"),
        lambda data: b"\xff" + data,
        lambda data: data.partition(b"\n")[0] + b"\n" + b"[" * 100_000,
    ],
)
@pytest.mark.deep
def test_damaged_cache_is_ignored(root: Path, damage) -> None:
    """Cut off, edited or no text at all: it is left aside and written anew."""
    later = left_alone(root)
    first, _ = run(root, now_ns=later)
    (file,) = (root.parent / "cache").glob("clean-*.json")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again, _ = run(root, now_ns=later)
    assert again.sends == first.sends
    assert file.read_bytes() == whole


def test_unwritable_cache_folder_is_ignored(root: Path, tmp_path: Path) -> None:
    """Where the memory cannot be kept, the check is made all the same."""
    (tmp_path / "cache").write_text("a file where the folder would be", encoding="utf-8")
    found, _ = run(root)
    assert found.sends == ENOUGH + 2


def test_few_files_are_not_cached(tmp_path: Path) -> None:
    """A handful of campaigns is checked faster than it is looked up; no folder appears."""
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "one.yaml").write_text("filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n", encoding="utf-8")
    run(root)
    assert not (tmp_path / "cache").exists()


def test_concurrent_runs_leave_a_valid_cache(tmp_path: Path) -> None:
    """Each run puts a file of its own in place at once: the last is kept, and no other is left."""
    first, second = (memory_of(tmp_path / "campaigns") for _ in range(2))
    first.write({"a": CacheEntry(None, "0", 1, (), {})}, {})
    second.write({"b": CacheEntry(None, "0", 2, (), {"text:x": "0"})}, {})
    assert memory_of(tmp_path / "campaigns").campaigns == {"b": [None, "0", 2, [], {"text:x": "0"}]}
    assert len(list((tmp_path / "cache").glob("clean-*"))) == 1


def test_problems_of_a_campaign_are_in_the_order_of_its_lines(tmp_path: Path) -> None:
    """Whatever was checked first: who mends a file goes through it from the top."""
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "market.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: mpnews\ncontent:\n  newspic:\n    title: 标题，不超过 32 字\n"
        "    text: 这里写要发的话\n    images: [{file: a.jpg}, {file: b.jpg}]\n",
        encoding="utf-8",
    )
    problems = run(root)[0].problems
    assert [problem.location.line for problem in problems] == [5, 6, 7, 7]

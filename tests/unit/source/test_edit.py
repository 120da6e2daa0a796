"""Values of a file change where they stand: the file means what was asked for, and all else is as it was."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.source import ROOT
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.source.edit import REMOVE, Change, children, edit
from wechat_campaigns.source.strict_yaml import compose, read

VALID, EXAMPLES, OF_BODIES = "tests/campaigns/valid", "campaigns", "tests/acceptance/bodies"
FILES = [
    path
    for folder in (VALID, EXAMPLES, OF_BODIES)
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    if not path.name.startswith("_")
]
CORPUS = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in FILES}
CORPUS |= {f"{name} of Windows": text.replace("\n", "\r\n") for name, text in CORPUS.items()}
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="春茶 199元\n:#'\"-{}[]|>&*!%@,?\\\t", max_size=30),
    st.sampled_from(["", " ", "no", "2026-12-05", "1e3", "~", "{{ price }}", "a: b", "- x", "=", "0o7"]),
    st.sampled_from(["\ufeff", "…\u2028", "a\r\nb", "x\n\n"]),
)  # fmt: skip


KEYS = st.sampled_from("uvw")


def leaves(node: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the path of every value that has no values of its own, and where it stands."""
    for step, child in children(node):
        path = (*above, step)
        yield from leaves(child, path) if children(child) else [(path, child)]


PLACES = [(name, path) for name, text in CORPUS.items() for path, _node in leaves(compose(text))]


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def test_there_are_forty_files() -> None:
    assert len(CORPUS) >= 40


@given(place=st.sampled_from(PLACES), value=st.one_of(TEXTS, st.booleans(), st.integers(-(10**6), 10**6)))
def test_one_value_changes_and_no_byte_around_it(
    place: tuple[str, tuple[str | int, ...]], value: Any
) -> None:
    name, path = place
    text = CORPUS[name]
    node = dict(leaves(compose(text)))[path]
    try:
        edited = edit(text, [Change(path, value)])
    except UsageError:
        assert "*" in text or "&" in text  # what shares a value cannot be changed at one place
        return
    assert at(read(edited)[0], path) == value
    assert edited.startswith(text[: max(node.start_mark.index - 1, 0)])
    assert edited.endswith(text[node.end_mark.index :])
    assert read(edit(edited, [Change(path, at(read(text)[0], path))]))[0] == read(text)[0]


@pytest.mark.parametrize("name", CORPUS)
def test_a_key_that_comes_and_goes_leaves_the_file_as_it_was(name: str) -> None:
    text = CORPUS[name]
    there = edit(text, [Change(("description",), REMOVE)])
    assert "description" not in read(there)[0]
    added = edit(there, [Change(("description",), "春茶：#1")])
    assert read(added)[0]["description"] == "春茶：#1"
    assert edit(added, [Change(("description",), REMOVE)]).rstrip() == there.rstrip()


@given(
    st.dictionaries(
        st.text(alphabet="abcd", min_size=1, max_size=3),
        st.recursive(
            st.one_of(TEXTS, st.integers(), st.booleans()),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
            max_leaves=6,
        ),
        min_size=1,
        max_size=4,
    ),
    st.data(),
)  # fmt: skip
def test_whatever_is_asked_for_is_read_again_or_refused(data: dict[str, Any], draw: st.DataObject) -> None:
    flow = draw.draw(st.sampled_from([None, True, False]))
    text = yaml.safe_dump(data, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    if read(text) != (data, ()):
        return  # more of YAML than a campaign may have
    key = draw.draw(st.sampled_from([*data, "new"]))
    value = draw.draw(st.one_of(TEXTS, st.lists(TEXTS, max_size=3), st.dictionaries(KEYS, TEXTS)))
    edited = edit(text, [Change((key,), value)])
    assert read(edited)[0] == data | {key: value}


@pytest.mark.parametrize(
    ("text", "path", "value", "edited"),
    [
        ("a: 1  # why\nb: 2\n", ("a",), 3, "a: 3  # why\nb: 2\n"),
        ("a: 'x'\n", ("a",), "it's", "a: 'it''s'\n"),
        ("a: x\n", ("a",), "1", 'a: "1"\n'),
        ("a: |\n  x\n\n# then\nb: 1\n", ("a",), "y\nz\n", "a: |\n  y\n  z\n\n# then\nb: 1\n"),
        ("a:\n  - x  # one\n  - 'y'\n", ("a",), ["y", "z"], "a:\n  - 'y'\n  - z\n"),
        ("a: {b: 1, c: 2}\n", ("a", "b"), REMOVE, "a: {c: 2}\n"),
        ("a:\n- b: 1\n  c: 2\n", ("a", 0, "b"), REMOVE, "a:\n- c: 2\n"),
        ("a:\n- 1\nb: 2\n", ("a",), {"c": 1, "d": 2}, "a:\n  c: 1\n  d: 2\nb: 2\n"),
        ("a: 1", ("b",), [1], "a: 1\nb:\n  - 1"),
    ],
)  # fmt: skip
def test_a_change_is_written_as_a_person_would(text: str, path: Any, value: Any, edited: str) -> None:
    assert edit(text, [Change(path, value)]) == edited


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a: &x {b: 1}\nc: *x\n", ("c", "b"), 2),
        ("a: [\n", ("a",), 1),
        ("a: 1\n", ("a",), REMOVE),
        ("- a\n", ("b",), 1),
        ("a: [1]\n", ("a", 3), 1),
        ("a: x\n", ("a", "b", "c"), 1),
    ],
)
def test_what_cannot_be_written_alone_is_refused(text: str, path: Any, value: Any) -> None:
    with pytest.raises(UsageError):
        edit(text, [Change(path, value)])

"""Every problem of a broken file is a whole sentence of the catalog: no word beside it, none glued on."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wechat_campaigns.core import i18n
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import load_campaigns
from wechat_campaigns.source.settings import load_settings

CASES = Path(__file__).parents[2]
TEXTS = (
    "{{ nam }}",
    "{{ name|upp }}",
    "{% if %}",
    "{{ name.__class__ }}",
    "{{ m.x }}",
    "{{ l[5] }}",
    "{{ m }}",
    "{{ l }}",
    "{{ none }}",
    "{{ name.foo }}",
    "{{ 'a' * 999999 }}",
    "{{ 9 ** 99999 }}",
    "{% for i in range(20000) %}{% endfor %}",
    "{% include 'x' %}",
    "{% include '../x' %}",
    "{{ 1 / 0 }}",
    "{{ l|sum(start='x') }}",
    "{{ '%*d'|format(3, 4) }}",
    "\\a",
    "字" * 650,
    "字" * 700,
    " ",
)
AUDIENCES = (
    "account: servce\nfilter: {tag: a}",
    "account: test\nfilter: {tag: a}",
    "account: subscription\nfilter: {openids: [a, b]}",
    'filter: {tag: "{{ empty }}"}',
    'filter: {tag_id: "{{ name }}"}',
    "filter: {openids: [a b, a b, c]}",
    "filter: {openids: {file: one.txt}}",
    "for_each: {a: {filter: {tag: a}, vars: {nam: x}}, b: {filter: {tag: b}}}",
)
CONTENTS = (
    "image\ncontent: {file: /x}",
    'image\ncontent: {file: "a\\\\b"}',
    "image\ncontent: {file: ../../x}",
    "image\ncontent: {file: one.tx}",
    "voice\ncontent: {file: one.txt}",
    "voice\ncontent: {file: empty.txt}",
    'voice\ncontent: {name: " "}',
    "wxcard\ncontent: {card_id: x}",
    f"mpnews\ncontent: {{newspic: {{title: {'长' * 40}, images: [{{media_id: x}}]}}}}",
    "mpvideo\ncontent: {file: one.txt, title: x, description: y}",
)

THEME = "@media x{p{a:b}} p:hover{color:red} p{height:3px;color:} h2{color:var(--x)} p{ x }"


class Marking:
    """A language in which every sentence stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return f"⟦{one if count == 1 else many}⟧"


@pytest.fixture(autouse=True)
def marking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_spoken", Marking())


def is_whole(text: str) -> bool:
    depth = 0
    for place, character in enumerate(text, 1):
        depth += {"⟦": 1, "⟧": -1}.get(character, 0)
        if depth == 0 and place < len(text):
            return False
    return bool(text) and depth == 0


def of_campaigns(folder: Path) -> Iterator[Diagnostic]:
    for case in (CASES / "campaigns" / "invalid").glob("*.yaml"):
        shutil.copy(case, folder)
    yield from load_campaigns(folder).problems


def of_settings(folder: Path) -> Iterator[Diagnostic]:
    for case in (CASES / "settings" / "invalid").glob("*.yaml"):
        shutil.copy(case, folder / "_settings.yaml")
        with pytest.raises(InvalidError) as caught:
            load_settings(folder)
        yield from caught.value.problems


def of_rendering(folder: Path) -> Iterator[Diagnostic]:
    vars_ = 'vars: {name: x, empty: "", m: {a: 1}, l: [1, 2]}\n'
    written = [f'filter: {{tag: a}}\nmsgtype: text\ncontent: "{text}"\n{vars_}' for text in TEXTS]
    written += [f"{audience}\nmsgtype: text\ncontent: '{{{{ nam }}}}'\n{vars_}" for audience in AUDIENCES]
    written += [f"filter: {{tag: a}}\nmsgtype: {content}\n" for content in CONTENTS]
    (folder / "one.txt").write_text("a b\n")
    (folder / "empty.txt").write_text("")
    yield from rendered(folder, written)


def of_articles(folder: Path) -> Iterator[Diagnostic]:
    shutil.copytree(CASES / "articles", folder, dirs_exist_ok=True)
    (folder / "_themes").mkdir()
    (folder / "_themes" / "mine.css").write_text(THEME)
    bodies = [file.relative_to(folder).as_posix() for file in folder.rglob("*.md")]
    bodies += [file.relative_to(folder).as_posix() for file in folder.glob("editors/*.html")]
    more = "pic_crop_1_1: x, content_source_url: x, only_fans_can_comment: true"
    article = "{{title: {}, body: {}, theme: {}, cover: {{file: x.png}}, digest: x, {}}}"
    chosen = [*((body, "default") for body in bodies), ("table.md", "mine"), ("table.md", "none")]
    written = [article.format("😀" * 20, body, theme, more) for body, theme in chosen]
    campaign = "filter: {{tag: a}}\nmsgtype: mpnews\ncontent: {{articles: [{}]}}\n"
    yield from rendered(folder, [campaign.format(one) for one in written])


def rendered(folder: Path, written: list[str]) -> Iterator[Diagnostic]:
    for number, text in enumerate(written):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    prepared = compile_campaigns(folder, settings=load_settings(folder), files=Files(folder))
    yield from prepared.problems


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problems", "rules"),
    [(of_campaigns, 35), (of_settings, 20), (of_rendering, 20), (of_articles, 20)],
)
def test_messages_and_hints_of_problems_are_whole_sentences(
    problems: Callable[[Path], Iterator[Diagnostic]], rules: int, tmp_path: Path
) -> None:
    found = list(problems(tmp_path))
    assert [text for problem in found for text in (problem.message, problem.hint) if not is_whole(text)] == []
    assert len({problem.rule for problem in found}) >= rules


def test_cached_text_reports_its_faults_in_the_current_language(monkeypatch: pytest.MonkeyPatch) -> None:
    from wechat_campaigns.core.diagnostics import Finding
    from wechat_campaigns.source.strict_yaml import compose

    first = compose("")
    monkeypatch.setattr(i18n, "_spoken", None)
    second = compose("")
    assert isinstance(first, Finding)
    assert isinstance(second, Finding)
    assert first.message == f"⟦{second.message}⟧"

"""Rendering: variables, for_each, openids, content; the problems it finds and where."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.folder import parsed
from wechat_article import ArticleBody, Remark
from wechat_article.parts import AI_STATEMENT
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.settings import Account, AccountKind, Environment, Secret, Settings
from wechat_campaigns.messages import Articles, Draft, Image, Images, Mpvideo, Newspic, Text, Voice, Wxcard
from wechat_campaigns.render.render import CompiledCampaign, render
from wechat_campaigns.source.files import MAX_TEXT_BYTES, Files
from wechat_campaigns.source.validate import Campaign

OPENIDS = [f"o6_bmjrPTlm6_2sgVt7hMZOP{number:04}" for number in range(30)]


def make_campaign(written: str, *, id: str = "sale") -> Campaign:
    read = parsed(written, id)
    data = {"filter": {"tag": "会员"}, "msgtype": "text", "content": "", **read.data}
    if "for_each" in read.data and "filter" not in read.data:
        data["filter"] = None
    return Campaign(id=id, file=read.file, source=read, **data)


def make_settings(**changes: Any) -> Settings:
    account = Account(name="main", kind=AccountKind.SERVICE, appid="wx1", secret=Secret(sandbox=True))
    environment = {"name": "sandbox", "api": "sandbox", "ledger": "sqlite", "accounts": {"main": account}}
    environment["default_account"] = "main"
    return Settings(
        environment=Environment(**{**environment, **changes.pop("environment", {})}),
        **changes,
    )


def rendered(
    tmp_path: Path, yaml: str, files: Mapping[str, str | bytes] | None = None, **options: Any
) -> CompiledCampaign:
    for name, content in (files or {}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    options.setdefault("settings", make_settings())
    return render(make_campaign(yaml), files=Files(tmp_path), **options)


def one(result: CompiledCampaign) -> Any:
    assert result.problems == ()
    (send,) = result.sends
    return send.content


def only(result: CompiledCampaign) -> Diagnostic:
    assert result.sends == ()
    (problem,) = result.problems
    return problem


def test_later_variables_win(tmp_path):
    names = "abcde"
    layers = [{name: str(layer) for name in names[layer:]} for layer in range(5)]
    yaml = (
        "content: '{{ a }}{{ b }}{{ c }}{{ d }}{{ e }}'\n"
        f"vars: {layers[2]}\n"
        f"for_each: {{x: {{filter: {{tag: t}}, vars: {layers[3]}}}}}\n"
    )
    chosen = make_settings(vars=layers[0], environment={"vars": layers[1]})
    assert one(rendered(tmp_path, yaml, settings=chosen, variables=layers[4])).content == "01234"


def test_a_send_knows_where_its_receivers_are_named(tmp_path):
    yaml = "filter:\n  tag: t\ncontent: x\nfor_each:\n  a: {vars: {}}\n  b:\n    filter:\n      tag_id: 7\n"
    own, other = rendered(tmp_path, yaml).sends
    assert (own.filter_path, own.filter_position) == ("$.filter.tag", (2, 8))
    assert (other.filter_path, other.filter_position) == ("$.for_each.b.filter.tag_id", (8, 15))


def test_for_each_makes_one_send_a_key_in_order(tmp_path):
    yaml = (
        "content: '{{ city }}'\n"
        "for_each:\n"
        "  shanghai: {vars: {city: 上海}, filter: {tag: '{{ city }}会员'}}\n"
        "  beijing: {vars: {city: 北京}}\n"
        "filter: {tag: 全国}\n"
    )
    sends = rendered(tmp_path, yaml).sends
    assert [(send.id, send.filter.tag, send.content.content) for send in sends] == [
        ("sale[shanghai]", "上海会员", "上海"),
        ("sale[beijing]", "全国", "北京"),
    ]
    assert [send.location.line for send in sends] == [3, 4]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{is_to_all: true}", Filter(is_to_all=True)),
        ("{tag: '{{ city }}'}", Filter(tag="北京")),
        ("{tag_id: 2}", Filter(tag_id=2)),
        ("{tag_id: '{{ number }}'}", Filter(tag_id=134)),
    ],
)
def test_filter_is_rendered(tmp_path, written, expected):
    result = rendered(tmp_path, f"filter: {written}\nvars: {{city: 北京, number: 134}}\ncontent: x")
    assert [send.filter for send in result.sends] == [expected]


# --- accounts ----------------------------------------------------------------------------------


def test_no_account_to_choose_is_a_problem_of_the_campaign(tmp_path):
    secret = Secret(sandbox=True)
    accounts = {n: Account(name=n, kind=AccountKind.SERVICE, appid="wx", secret=secret) for n in ("a", "b")}
    result = rendered(
        tmp_path,
        "content: '{{ nope }}'",
        settings=make_settings(environment={"accounts": accounts, "default_account": None}),
    )
    assert [problem.rule for problem in result.problems] == ["account", "template"]
    assert "`a`, `b`" in result.problems[0].hint


PLACES: list[tuple[str, dict[str, str], str, str]] = [
    ("content: |\n  一\n\n  {{ brnad }}\n", {}, "template", "campaigns/sale.yaml:4:3"),
    ("content: {text_file: sale/t.txt}", {"sale/t.txt": "一\n{{ x }}"}, "template", "campaigns/sale/t.txt:2"),
    ("content: '{% include \"f\" %}'", {"_partials/f": "一\n{{ x }}"}, "template", "campaigns/_partials/f:2"),
    ("content: x\nfilter:\n  tag_id: '{{ \"会员\" }}'\n", {}, "tag-id", "campaigns/sale.yaml:3:11"),
    ("content: x\nfilter: {tag: '{{ \"\" }}'}", {}, "empty", "campaigns/sale.yaml:2:15"),
    ("content: x\naccount: mian", {}, "account", "campaigns/sale.yaml:2:10"),
    ("msgtype: voice\ncontent:\n  file: sale/a.mp3", {}, "file-missing", "campaigns/sale.yaml:3:9"),
    (f"content: x\nfilter:\n  openids:\n    - {OPENIDS[0]}\n    - {OPENIDS[0]}\n", {}, "openid-duplicate",
     "campaigns/sale.yaml:5:7"),
    *(
        ("content: x\nfilter: {openids: {file: l.txt}}", {"l.txt": "\n".join(lines)}, rule, place)
        for lines, rule, place in (
            ([*OPENIDS[:2], OPENIDS[0]], "openid-duplicate", "campaigns/l.txt:3"),
            ([OPENIDS[0], "o6_bm jrPTlm6", OPENIDS[1]], "openid-malformed", "campaigns/l.txt:2"),
            ([OPENIDS[0]], "openid-count", "campaigns/sale.yaml:2:19"),
            ([], "openid-count", "campaigns/sale.yaml:2:19"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("yaml", "files", "rule", "place"), PLACES)
def test_problem_stands_where_it_is_mended(tmp_path, yaml, files, rule, place):
    problem = only(rendered(tmp_path, yaml, files))
    assert (problem.rule, str(problem.location)) == (rule, place)
    assert problem.message
    assert problem.hint
    assert not any(openid in problem.message + problem.hint for openid in OPENIDS)


@pytest.mark.parametrize(
    ("more", "ids", "message"),
    [
        ("", [], "variable `x` is not defined"),
        (", vars: {x: 1}", ["sale[b]"], "sale[a]: variable `x` is not defined"),
    ],
)
def test_problem_of_every_entry_is_said_once_and_that_of_one_names_it(tmp_path, more, ids, message):
    yaml = f"content: '{{{{ x }}}}'\nfor_each: {{a: {{filter: {{tag: t}}}}, b: {{filter: {{tag: u}}{more}}}}}"
    result = rendered(tmp_path, yaml)
    assert [send.id for send in result.sends] == ids
    assert [problem.message for problem in result.problems] == [message]


@pytest.mark.parametrize(
    ("written", "name"),
    [("｛｛ brand ｝｝", "brand"), ("｛{brand}｝", "brand"), ("{ brand }", "brand"), ("｛brand｝", "brand"),
     ("｛｛ nmae|upper ｝｝", "nmae"), ("{{ brand }}", ""), ("｛温馨提示｝", ""), ("{other}", ""),
     ("{{ '{{' }} x", "")],
)  # fmt: skip
def test_braces_of_a_chinese_keyboard_are_warned_of(tmp_path, written, name):
    """What was meant as a variable and is none would reach every follower as it stands."""
    yaml = "vars: {brand: 茶}\ncontent: {text_file: t.txt}"
    found = rendered(tmp_path, yaml, {"t.txt": f"一\n你好 {written}\n"}).sends[0].diagnostics
    places = [(one.rule, one.level, str(one.location)) for one in found]
    assert places == ([("template-braces", "warning", "campaigns/t.txt:2")] if name else [])
    assert all(f"{{{{ {name} }}}}" in one.hint for one in found)


def test_all_problems_of_a_campaign_are_found_at_once(tmp_path):
    yaml = (
        "filter: {tag: '{{ a }}'}\nmsgtype: mpvideo\n"
        "content: {file: none.mp4, title: '{{ b }}', description: '{% if %}'}"
    )
    result = rendered(tmp_path, yaml)
    assert [problem.path for problem in result.problems] == [
        "$.filter.tag",
        "$.content.file",
        "$.content.title",
        "$.content.description",
    ]


# --- openids -----------------------------------------------------------------------------------


def test_openids_become_numbered_batches(tmp_path):
    (send,) = rendered(tmp_path, f"content: x\nfilter: {{openids: {OPENIDS[:3]}}}").sends
    assert (send.id, send.filter.openids) == ("sale#1", tuple(OPENIDS[:3]))
    digest = hashlib.sha256("\n".join(OPENIDS[:3]).encode()).hexdigest()
    assert (send.batch.index, send.batch.count, send.batch.list_sha256) == (1, 1, digest)


def test_list_of_openids_may_be_longer_than_a_text(tmp_path):
    listed = "\n".join(f"oLONG{number:023d}" for number in range(80_000))
    assert len(listed) > MAX_TEXT_BYTES
    yaml = "content: x\nfilter: {openids: {file: list.txt}}"
    sends = rendered(tmp_path, yaml, {"list.txt": listed}).sends
    assert [len(send.filter.openids) for send in sends] == [10_000] * 8


def test_table_says_in_the_plan_which_rows_it_leaves_out(tmp_path):
    yaml = "content: x\nfilter: {openids: {file: list.csv, column: openid}}"
    table = ["姓名,openid", f"王,{OPENIDS[0]}", "李,", f"张,{OPENIDS[1]}", f"王,{OPENIDS[0]}"]
    (send,) = rendered(tmp_path, yaml, {"list.csv": "\n".join(table)}).sends
    assert send.filter.openids == (OPENIDS[0], OPENIDS[1])
    (warning,) = send.diagnostics
    assert "2 openids; left out: rows without one: 1, repeated rows: 1" in warning.message
    broken = rendered(tmp_path, yaml, {"list.csv": "\n".join([*table, "赵,o6_bm jrPTlm6"])})
    (problem,) = [problem for problem in broken.problems if problem.level == "error"]
    assert (problem.rule, problem.message) == ("openid-malformed", "row 6: not an openid")


def test_unusual_openid_is_a_warning_of_the_send(tmp_path):
    (send,) = rendered(tmp_path, "content: x\nfilter: {openids: [OPENID1, OPENID2]}").sends
    assert [(finding.rule, finding.level) for finding in send.diagnostics] == [("openid-length", "warning")]


# --- content -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("content: 今晚八点", Text(content="今晚八点")),
        ("content: |+\n  一\n\n  二\n\n", Text(content="一\n\n二\n")),
        (
            "content: '{{ x }}'\nfor_each: {a: {filter: {tag: t}, vars: {x: '{{ brand }}馆'}}}",
            Text(content="茶馆"),
        ),
        ("msgtype: text\ncontent: {text_file: t.txt}", Text(content="示例\n茶")),
        ("msgtype: mpnews\ncontent: {media_id: '{{ id }}'}", Draft(media_id="M")),
        ("msgtype: voice\ncontent: {media_id: M}", Voice(media=Media(media_id="M"))),
        ("msgtype: image\ncontent: {name: '{{ brand }}.png'}", Image(media=Media(name="茶.png"))),
        (
            "msgtype: image\ncontent: {images: [{media_id: A}, {name: B}], recommend: x, title: '{{ id }}'}",
            Images(images=(Media(media_id="A"), Media(name="B")), recommend="x", title="M"),
        ),
        (
            "msgtype: mpvideo\ncontent: {media_id: M, title: TITLE, description: D}",
            Mpvideo(media=Media(media_id="M"), title="TITLE", description="D"),
        ),
        ("msgtype: wxcard\ncontent: {card_id: C}", Wxcard(card_id="C")),
        (
            "msgtype: mpnews\ncontent: {newspic: {title: t, text: '{{ brand }}', images: [{media_id: A}]}}",
            Newspic(title="t", text="茶", images=(Media(media_id="A"),)),
        ),
        (
            "msgtype: mpnews\ncontent: {newspic: {title: t, ai_generated: true, images: [{media_id: A}]}}",
            Newspic(title="t", text=AI_STATEMENT, images=(Media(media_id="A"),)),
        ),
        ("msgtype: mpnews\ncontent: {draft: '{{ brand }} '}", Draft(title="茶")),
    ],
)
def test_content_becomes_its_record(tmp_path, yaml, expected):
    assert (
        one(rendered(tmp_path, f"vars: {{brand: 茶, id: M}}\n{yaml}", {"t.txt": "示例\n{{ brand }}\n"}))
        == expected
    )


# --- articles ----------------------------------------------------------------------------------


@pytest.fixture
def fake_articles(monkeypatch):
    """Wraps a source in `<p>`; finds a fault in each line that holds `!!`."""

    def build(source):
        findings = tuple(
            Remark("lint", line, "r", "warning", number, source.display_path)
            for number, line in enumerate(source.text.split("\n"), 1)
            if "!!" in line
        )
        return ArticleBody(html=f"<p {source.kind} {source.theme}>{source.text}</p>", findings=findings)

    monkeypatch.setattr(
        "wechat_campaigns.render.content.escape_for",
        lambda _kind: lambda value: str(value).replace("<", "&lt;"),
    )
    monkeypatch.setattr("wechat_campaigns.render.content.build", build)


ARTICLE = """\
msgtype: mpnews
vars: {x: "<b>"}
content:
  articles:
    - title: 春茶
      author: '{{ "小" }}编'
      body: sale/a.md
      cover: {media_id: C}
      need_open_comment: true
      theme: t
"""


@pytest.mark.usefixtures("fake_articles")
def test_article_body_is_rendered_with_values_escaped(tmp_path):
    content = one(rendered(tmp_path, ARTICLE, {"sale/a.md": "<i>{{ x }}</i>\n"}))
    assert isinstance(content, Articles)
    (article,) = content.articles
    assert article.html == "<p markdown t><i>&lt;b></i></p>"
    assert (article.author, article.need_open_comment, article.cover) == ("小编", True, Media(media_id="C"))


@pytest.mark.usefixtures("fake_articles")
@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("一\n!!", 2),
        ("{% if true %}\n!!\n{% endif %}", 2),
        ("{% for n in [1, 2] %}\n!! {{ n }}\n{% endfor %}\n", None),
    ],
)
def test_finding_in_a_body_points_at_the_line_as_written(tmp_path, body, line):
    (send,) = rendered(tmp_path, ARTICLE, {"sale/a.md": body}).sends
    assert send.diagnostics[0].location == Location(file="campaigns/sale/a.md", line=line)
    assert send.diagnostics[0].path == "$.content.articles[0].body"


def test_missing_extra_is_a_problem_of_the_article(tmp_path, monkeypatch):
    def build(_source):
        raise MissingExtraError("articles", needed_for="an article")

    monkeypatch.setattr("wechat_campaigns.render.content.build", build)
    problem = only(rendered(tmp_path, ARTICLE, {"sale/a.md": "x"}))
    assert "pip install" in problem.hint


# --- properties --------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(text=st.text(), tag=st.text() | st.just("{{ x }}\n\n{% if %}"))
def test_rendering_never_raises_and_is_deterministic(tmp_path_factory, text, tag):
    campaign = make_campaign(yaml.safe_dump({"content": text, "filter": {"tag": tag}}))
    files = Files(tmp_path_factory.getbasetemp())
    results = [render(campaign, settings=make_settings(), files=files) for _ in range(2)]
    assert results[0] == results[1]
    assert bool(results[0].sends) != bool(results[0].problems)


# --- files by their paths, limits beside other problems -------------------------------------------


@pytest.mark.parametrize(
    ("content", "short"),
    [
        ("{articles: [{title: 茶, body: a.md, cover: %s}]}", "msgtype: mpnews"),
        ("{images: [%s]}", "msgtype: image"),
        ("%s", "msgtype: voice"),
    ],
)
def test_a_path_stands_for_its_file(tmp_path: Path, content: str, short: str) -> None:
    files = {"a.md": "你好", "a.mp3": b"ID3" + b"\0" * 40, "a.png": b"\x89PNG\r\n\x1a\n" + b"\0" * 40}
    name = "a.mp3" if "voice" in short else "a.png"
    bodies = [
        rendered(tmp_path, f"filter: {{tag: 会员}}\n{short}\ncontent: {content % written}", files).sends
        for written in (name, f"{{file: {name}}}")
    ]
    assert bodies[0]
    assert [send.content for send in bodies[0]] == [send.content for send in bodies[1]]


def test_limits_are_checked_beside_a_body_that_fails(tmp_path: Path) -> None:
    article = f"title: {'题' * 65}, body: none.md, cover: none.jpg, content_source_url: nowhere"
    yaml = f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{articles: [{{{article}}}]}}"
    found = {(problem.rule, problem.path.rpartition(".")[2]) for problem in rendered(tmp_path, yaml).problems}
    assert found == {
        ("title-too-long", "title"),
        ("file-missing", "body"),
        ("file-missing", "file"),
        ("url", "content_source_url"),
    }


@pytest.mark.parametrize(("cover", "is_named"), [("茶", True), ("茶.jpg", False), ("{file: 茶}", False)])
def test_a_missing_file_without_a_suffix_may_be_the_name_of_material(
    tmp_path: Path, cover: str, is_named: bool
) -> None:
    yaml = f"msgtype: mpnews\ncontent: {{articles: [{{title: 茶, body: a.md, cover: {cover}}}]}}"
    problem = only(rendered(tmp_path, yaml, {"a.md": "茶"}))
    assert (problem.rule, "`{name: " in problem.hint) == ("file-missing", is_named)


def test_only_the_rows_that_were_left_out_are_counted(tmp_path: Path) -> None:
    yaml = "content: x\nfilter: {openids: {file: list.csv}}"
    table = {"list.csv": f"openid\n{OPENIDS[0]}\n{OPENIDS[1]}\n{OPENIDS[0]}"}
    (warning,) = rendered(tmp_path, yaml, table).sends[0].diagnostics
    assert warning.message.endswith("left out: repeated rows: 1")


def test_what_leaves_one_entry_empty_names_it(tmp_path: Path) -> None:
    yaml = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ x }}'\n"
    (problem,) = rendered(
        tmp_path, f"{yaml}for_each: {{a: {{vars: {{x: ''}}}}, b: {{vars: {{x: y}}}}}}"
    ).problems
    assert (problem.rule, "sale[a]" in problem.message) == ("empty", True)

"""A fault of one campaign is shown at that campaign; the others are shown as ever."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import pytest

from tests.support.factories import make_send
from wechat_campaigns.cli.studio import reads_of
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import CampaignFile
from wechat_campaigns.studio.app import Gate, build
from wechat_campaigns.studio.desk import Desk, Desks, Live, Reads, contain
from wechat_campaigns.workspace import Workspace

SETTINGS = "environments: {sandbox: {api: sandbox, ledger: sqlite}}\n"
SOUND = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
ARTICLE = (
    "filter: {tag: 会员}\nmsgtype: mpnews\ncontent: {articles: [{title: 新品, body: ill.md, cover: 封面}]}\n"
)
PORT = 8000


class FailingFiles(Files):
    """Of one campaign, what it reads is a fault of this program."""

    def text(self, base_file: PurePosixPath, path: str, *more: Any) -> str:
        if base_file.stem == "ill":
            raise ZeroDivisionError
        return super().text(base_file, path, *more)


class FailingWorkspace(Workspace):
    @cached_property
    def files(self) -> Files:
        return FailingFiles(self.root)


def shown(reads: Reads) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The campaigns that the page lists, by their ids, and what it shows of the one that is ill."""
    desk, gate = Desk(lambda: reads, Live(), lambda: datetime.now(UTC)), Gate(PORT)
    browser, here = (
        build(Desks(lambda _work: desk), gate, environment="sandbox").test_client(),
        f"http://127.0.0.1:{PORT}",
    )
    browser.get(gate.address, base_url=here)
    listed = browser.get("/data/campaigns", base_url=here).get_json()
    picture = browser.get("/data/campaign?id=ill", base_url=here).get_json()
    return {one["id"]: one for one in listed["campaigns"]}, picture


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        (Workspace, "content: [\n", "yaml-syntax"),
        (Workspace, SOUND.replace("你好", "'{{ nobody }}'"), "template"),
        (Workspace, ARTICLE, "file-missing"),
        (FailingWorkspace, ARTICLE, "bug"),
    ],
    ids=["broken file", "broken template", "article that is missing", "fault of the program"],
)
def test_campaign_that_fails_is_one_of_the_list(
    tmp_path: Path, kind: type[Workspace], text: str, rule: str
) -> None:
    for name, written in {"_settings": SETTINGS, "sound": SOUND, "ill": text}.items():
        (tmp_path / f"{name}.yaml").write_text(written, encoding="utf-8")
    campaigns, picture = shown(reads_of(kind(tmp_path)))
    assert {name: one["tone"] for name, one in campaigns.items()} == {"ill": "error", "sound": "due"}
    assert {one["rule"] for one in picture["problems"]} == {rule}
    assert picture["problems"][0]["place"].partition(".")[0].endswith("ill")


def test_picture_that_cannot_be_written_is_a_problem_of_its_campaign(tmp_path: Path) -> None:
    for name, written in {"_settings": SETTINGS, "sound": SOUND}.items():
        (tmp_path / f"{name}.yaml").write_text(written, encoding="utf-8")
    ill: Any = make_send("ill", content=None)
    made = CompileResult(sends=(ill,), problems=(), invalid=())
    campaigns, picture = shown(replace(reads_of(Workspace(tmp_path)), render=lambda _name: made))
    assert list(campaigns) == ["sound"]
    assert ([one["rule"] for one in picture["problems"]], picture["sends"]) == (["bug"], [])


def compiled() -> CompileResult:
    files = {name: CampaignFile(name=name, relative=name, display_path=f"{name}.yaml") for name in ("a", "b")}
    return CompileResult(sends=tuple(map(make_send, files)), problems=(), invalid=(), files=files)


def test_campaign_that_cannot_be_planned_is_invalid_and_the_others_are_planned() -> None:
    def show(some: CompileResult) -> Any:
        if any(send.id == "a" for send in some.sends):
            raise KeyError("a")
        return some

    some: Any = contain(compiled(), show)
    assert ([send.id for send in some.sends], [one.id for one in some.invalid]) == (["b"], ["a.yaml"])
    assert {problem.rule for problem in some.errors} == {"bug"}


def test_fault_of_no_campaign_is_raised() -> None:
    def show(_some: CompileResult) -> NoReturn:
        raise UsageError("no settings", hint="write them")

    with pytest.raises(UsageError):
        contain(compiled(), show)

"""`campaign studio` in a process of its own: saves, faults, the plan, and Ctrl-C."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.studio import SETTINGS, TEXT, StudioProcess, open_studio, until

CAMPAIGNS = Path(__file__).parents[2] / "campaigns"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "_settings.yaml").write_text(SETTINGS)
    (tmp_path / "campaigns" / "hello.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def studio(folder: Path) -> Iterator[StudioProcess]:
    with open_studio(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioProcess]:
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(CAMPAIGNS, folder / "campaigns")
    with open_studio(folder) as opened:
        yield opened


def text_of(studio: StudioProcess) -> str:
    sends = studio.campaign("hello")["sends"]
    html = studio.get(sends[0]["message"]).text if sends else ""
    return html.partition('<p class="bubble">')[2].partition("</p>")[0]


def test_page_follows_every_save_until_ctrl_c(folder: Path, studio: StudioProcess) -> None:
    file, events = folder / "campaigns" / "hello.yaml", studio.events()
    version = next(events)["version"]
    assert text_of(studio) == "第一版"

    def save(content: str) -> None:
        nonlocal version
        file.write_text(TEXT.replace("第一版", content), encoding="utf-8")
        version = next(one["version"] for one in events if one["version"] != version)

    save("第二版")
    assert text_of(studio) == "第二版"
    save("'{{ nobody }}'")
    broken = studio.campaign("hello")
    assert (broken["stale"], text_of(studio)) == (True, "第二版")
    (problem,) = broken["problems"]
    assert "nobody" in problem["message"]
    assert problem["place"] == "campaigns/hello.yaml:3:10"
    assert problem["href"] == f"vscode://file{file}:3:10"
    save("第三版")
    assert (text_of(studio), studio.campaign("hello")["stale"]) == ("第三版", False)
    studio.process.send_signal(signal.SIGINT)
    assert studio.process.wait(60) == 0
    assert "Traceback" not in studio.log.read_text(encoding="utf-8")


def test_settings_with_an_error_are_a_problem_beside_the_last_picture(
    folder: Path, studio: StudioProcess
) -> None:
    assert text_of(studio) == "第一版"
    (folder / "campaigns" / "_settings.yaml").write_text("environments: 3\n")
    until(lambda: studio.campaign("hello")["stale"])
    assert studio.campaign("hello")["problems"][0]["place"].startswith("campaigns/_settings.yaml")
    assert studio.get("/data/campaigns").json()["problems"]


def test_list_has_each_campaign_with_its_state(examples: StudioProcess) -> None:
    campaigns = {one["id"]: one for one in examples.get("/data/campaigns").json()["campaigns"]}
    assert len(campaigns) == 9
    tasting = campaigns["autumn/tasting"]
    assert (tasting["word"], tasting["tone"]) == ("4 to send", "due")
    assert tasting["rows"]["autumn/tasting[beijing]"]["reason"]
    described = [one["id"] for one in campaigns.values() if one["description"]]
    assert described
    assert (
        examples.campaign(described[0])["sends"][0]["description"] == campaigns[described[0]]["description"]
    )


def test_kind_of_a_send_is_named_as_in_the_plan(examples: StudioProcess) -> None:
    kinds = [examples.campaign(name)["sends"][0]["kind"] for name in ("autumn/stroll", "tea/spring-tea")]
    assert kinds == ["picture post", "1 article"]


@pytest.mark.deep
def test_every_kind_of_message_is_shown(examples: StudioProcess) -> None:
    for one in examples.get("/data/campaigns").json()["campaigns"]:
        for send in examples.campaign(one["id"])["sends"]:
            assert 'class="' in examples.get(send["message"]).text, send["id"]
            for page in send["pages"]:
                html = examples.get(page["url"]).text
                assert page["title"] in html
                assert "wximg" not in html
    greeting = examples.get(examples.campaign("welcome/greeting")["sends"][0]["message"]).text
    source = greeting.partition('<audio src="')[2].partition('"')[0]
    sound = examples.get(source, headers={"Range": "bytes=0-3"})
    assert (sound.status_code, sound.headers["Content-Type"], len(sound.content)) == (206, "audio/mpeg", 4)


@pytest.mark.parametrize(
    ("page", "words"), [("plan", "autumn/poster"), ("calendar", "Mon"), ("results", "<h1>")]
)
def test_plan_calendar_and_results_are_pages(examples: StudioProcess, page: str, words: str) -> None:
    assert words in examples.get(f"/page/{page}").text
    assert "2027-03" in examples.get("/page/calendar?month=2027-03").text
    assert examples.get("/page/calendar?month=9999-12").status_code == 200


def test_page_speaks_the_language_of_the_command(folder: Path) -> None:
    with open_studio(folder, language="zh") as studio:
        html = studio.get("/").text
    assert 'lang="zh-CN"' in html
    assert "日历" in html


def test_sandbox_has_a_link_to_its_inbox(examples: StudioProcess) -> None:
    html = examples.get("/").text
    link = html.partition('target="_blank"')[0].rpartition('href="')[2].partition('"')[0]
    assert link.startswith("http://127.0.0.1:")
    assert link != examples.url
    assert 'data-word="followers"' in examples.session.get(link, timeout=60).text

"""The page about performance lists what the bench measures, and describes its campaigns."""

import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.__main__ import works
from tests.bench.generate import write_campaigns
from tests.bench.growth import EVENTS_A_SEND, STEPS, Past, past_events
from tests.bench.table import PAGE, PLANS, growth_rows
from tests.bench.works import Part, offline_settings
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.digest import canonical


def first_cells(title: str) -> list[str]:
    """The first column of the table below a heading."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [line.split("|")[1].strip() for line in lines[2:]]


def test_the_table_has_every_work() -> None:
    named = [
        work.name for work in works(ExitStack()) if work.part is not Part.GROWTH or "beside" not in work.name
    ]
    assert first_cells("The table") == named


def test_the_growth_has_every_step() -> None:
    assert first_cells("Growth") == [f"{others:,}" for others in (0, *STEPS)]


def test_the_bench_plans_what_the_page_shows() -> None:
    named = {work.name for work in works(ExitStack())}
    rows = [{"work": name, "ours": {"cpu_s": 1, "peak_mib": 1}} for name in named]
    shown = sum(cell != "–" for line in growth_rows(rows)[2:] for cell in line[1:])
    assert (
        shown == sum("beside" in name and "events" in name for name in named) == len(PLANS) * len(STEPS) - 1
    )


def test_the_campaigns_are_the_mix_that_the_page_describes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_campaigns(tmp_path / "campaigns", 400, settings=offline_settings())
    assert run(["validate", "--dir", str(tmp_path / "campaigns")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1  # nothing is advised either
    texts = [
        file.read_text(encoding="utf-8")
        + "".join(article.read_text(encoding="utf-8") for article in file.parent.glob(f"{file.stem}.html"))
        for file in (tmp_path / "campaigns/0000").glob("*.yaml")
    ]
    kinds = Counter(re.findall(r"^msgtype: (\w+)$", "\n".join(texts), re.M))
    assert kinds == {"text": 160, "mpnews": 52, "image": 100, "voice": 44, "mpvideo": 44}
    assert sum("{{" in text for text in texts) == 200
    assert 400 / 10 <= sum("{% if" in text for text in texts) <= 400 / 8


def test_the_events_are_as_long_as_the_page_says() -> None:
    sizes = [len(canonical(event.as_dict())) for event in past_events(Past(others=3_000))]
    assert EVENTS_A_SEND == 3
    assert round(sum(sizes) / len(sizes), -2) == 800

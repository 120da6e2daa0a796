"""`$…$` is a drawing in the colour of the text; money stays text; what cannot be drawn is an error."""

import re
from collections.abc import Iterator

import pytest

from tests.unit.article.making import Make, rules
from wechat_article import dom, formulas
from wechat_article.parts import Formula
from wechat_article.theme import BUILTIN_THEMES
from wechat_campaigns.core.html import ArticleText


@pytest.mark.deep
@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("能量 $E=mc^2$。", 1),
        ("$x$ 和 $y$", 2),
        ("行内 $$x^2$$ 也行", 1),
        ("$$\nx = y\n\n- 1\n$$", 1),
        ("$$x^2$$", 1),
        ("- 列表\n\n  $$\n  x\n  $$", 1),
        ("```math\nx^2\n```", 1),
        (r"$a_1 * b_2 * \frac{1}{2}$", 1),
        ("价格 $5，原价 $8", 0),
        ("$5，买二送一，原价$ 9", 0),
        ("$HOME/$USER", 0),
        ("省 $5 和 $10", 0),
        (r"\$x\$", 0),
        (r"\$x^2$ \$a_1\$", 0),
        ("`$x$`", 0),
    ],
)
def test_formulas_are_told_from_money(make: Make, source: str, count: int) -> None:
    body = make(source)
    assert rules(body) == []
    assert body.html.count("<svg ") == count
    assert ("$" in dom.text_of(dom.parse(body.html))) == (count == 0)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"能量 \(E=mc^2\)。", ["w formula-marks 1"]),
        ("\\[\n\\frac{1}{2}\n\\]", ["w formula-marks 1"]),
        (r"茶 \(明前\) 和 \[1\]", []),
        (r"`\(x^2\)` 与 $x$", []),
    ],
)
def test_the_marks_of_latex_are_not_lost_without_a_word(make: Make, source: str, found: list[str]) -> None:
    assert rules(make(source)) == found


@pytest.mark.deep
@pytest.mark.parametrize("theme", BUILTIN_THEMES)
def test_a_drawing_has_the_colour_and_size_of_text(make: Make, theme: str) -> None:
    html = make("茶 $x^2$\n\n$$\nx\n$$", theme=theme).html
    assert html.count("<path ") == html.count('fill="currentColor"') == 2
    assert 'viewBox="' in html
    assert html.count("em;vertical-align:") == 2
    assert html.count("overflow-x:auto") == 1


def test_a_drawing_is_short() -> None:
    """A formula of eight signs has 1,500 characters, where the library writes 4,700."""
    assert len(formulas.draw("E=mc^2", is_display=False)[1]) < 1_600


@pytest.mark.deep
@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (r"\foo{x}", r"the command `\foo` is not supported"),
        (r"\text{温度}", "it contains Chinese"),
        (r"\frac{a", "it is not valid LaTeX"),
        ("x^", "it is not valid LaTeX"),
        (r"\boxed{x}", "it has a box, a stroke or a colour of its own"),
        ("x" * 3_000, "it has more than 2,000 characters"),
        ("{" * 1_900, "it is not valid LaTeX"),
        (rf"a\hspace{{{'9' * 400}em}}b", "it is not valid LaTeX"),
        (rf"a\hspace{{{'9' * 400}em}}\hspace{{-{'9' * 400}em}}b", "it is not valid LaTeX"),
        ("{}", "nothing of it can be seen"),
        (r"a\hspace{9999em}b", "it is larger than 250 em"),
        (r"a\hspace{-9999em}b", "it is larger than 250 em"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(make: Make, formula: str, reason: str) -> None:
    body = make(f"茶\n\n$${formula}$$\n")
    assert rules(body) == ["e formula 3"]
    assert reason in body.findings[0].message


def test_without_the_extra_the_error_names_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    formulas.draw.cache_clear()
    monkeypatch.setattr(formulas, "is_installed", lambda *_modules: False)
    body = make("茶\n\n$x^2$\n")
    assert rules(body) == ["e formula 3"]
    assert "needs the extra `math`" in body.findings[0].message
    assert "[math]" in body.findings[0].message


@pytest.mark.parametrize(
    "formula", [r"\sum_{i=1}^n i", r"\int_0^\infty x", r"\frac{1}{y_g}", r"\vec{F}", "fj"]
)
def test_a_drawing_stays_inside_its_box(formula: str) -> None:
    """Nothing is cut off at an edge, though the library gives a box that is too narrow for a sum."""
    _shown, drawing = formulas.draw(formula, is_display=True)
    left, top, width, height = map(int, re.findall(r"-?\d+", drawing.partition('style="')[0]))
    points = list(_points(drawing))
    assert len(points) > 20
    assert all(left <= x <= left + width and top < y < top + height for x, y in points)


def _points(drawing: str) -> Iterator[tuple[int, int]]:
    """Follow the path of a drawing from point to point."""
    path = drawing.partition(' d="')[2].partition('"')[0]
    x = y = 0
    for letter, rest in re.findall(r"([MlhvqcZz])([^MlhvqcZz]*)", path):
        numbers = [int(number) for number in re.findall(r"-?\d+", rest)]
        if letter == "M":
            x, y = numbers
        elif letter == "h":
            x += numbers[0]
        elif letter == "v":
            y += numbers[0]
        elif numbers:
            x, y = x + numbers[-2], y + numbers[-1]
        yield x, y


def test_the_words_of_a_formula_are_known_and_not_sent(make: Make) -> None:
    body = make(r"茶 $\text{FR}\text{EE}\,x^2$")
    assert body.formulas == (Formula(r"\text{FR}\text{EE}\,x^2", "FREEx2"),)
    assert "FR" not in body.html
    assert "[formula: " in " ".join(ArticleText(body.html, body.formulas).lines())

"""Draw the packages and their imports as `docs/images/packages.svg`.

Run `python -m tests.tools.make_architecture`; a test keeps the picture current.
"""

import ast
from pathlib import Path

from tests.support.source import PACKAGE, ROOT, RUNNER, trees

PICTURE = ROOT / "docs" / "images" / "packages.svg"
ORDER = (
    "wechat_article", "core", "protocol", "messages", "source", "render", "ledger", "wechat", "plan",
    "code_host", "guard", "wechat_sandbox", "workspace", "send", "report", "fetch", "notify", "studio",
    "run", "api", "cli",
)  # fmt: skip
ROW, LEFT, WIDTH, ARCS = 34, 12, 250, 230
STYLE = """\
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
rect { fill: #f6f8fa; stroke: #d1d9e0 }
path { fill: none; stroke: #0969da; opacity: .45; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  rect { fill: #151b23; stroke: #3d444d } path { stroke: #4493f8 }
}"""


def imports() -> set[tuple[str, str]]:
    """Return which package imports from which other package, in functions too."""
    pairs: set[tuple[str, str]] = set()
    for path, tree in trees().items():
        importer = _package(path)
        found = set()
        for node in ast.walk(tree):
            names = [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            found |= {name.removeprefix("wechat_campaigns.").split(".")[0] for name in names}
        pairs |= {(importer, package) for package in found & set(ORDER) - {importer}}
    return pairs


def _package(path: Path) -> str:
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else RUNNER).with_suffix("").parts[0]


def picture() -> str:
    """Draw a box for each package from top to bottom, and an arc to each package that it imports."""
    height = ROW * len(ORDER) + 2 * LEFT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + ARCS} {height}" role="img">',
        "<title>The packages in their order; each imports only from those above it</title>",
        f"<style>{STYLE}</style>",
    ]
    middle = {name: LEFT + ROW * number + (ROW - 8) / 2 for number, name in enumerate(ORDER)}
    right = LEFT + WIDTH
    for importer, imported in sorted(imports()):
        if importer not in middle:
            continue
        start, end = middle[importer], middle[imported]
        bulge = right + 20 + abs(start - end) * 0.55
        parts.append(f'<path d="M{right} {start:g} C{bulge:g} {start:g} {bulge:g} {end:g} {right} {end:g}"/>')
    for name in ORDER:
        top = middle[name] - (ROW - 8) / 2
        parts += [
            f'<rect x="{LEFT}" y="{top:g}" width="{WIDTH}" height="{ROW - 8}" rx="5"/>',
            f'<text x="{LEFT + 10}" y="{middle[name] + 4:g}">{name}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()

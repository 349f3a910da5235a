"""For mkdocs: pages of what lies outside `docs/`, and links to it that lead there.

The README and its sisters in the repository's root become pages, and so does every source file that a page
links to. On disk all links stay as they are, relative, so they work in a checkout as well as on the site.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[2]
# File in the root to page of the site.
PAGES = {
    "README.md": "index.md",
    "README.es.md": "es.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
_ON_DISK = {page: name for name, page in PAGES.items()}
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)[^)#\s]+")


def on_files(files: Files, config: Any) -> Files:
    """Add the root's pages, and one for each source file that is linked."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    sources = {
        path
        for file in files.documentation_pages()
        for path in _linked(file.src_uri, file.content_string)
        if _is_source(path) and (ROOT / path).is_file()
    }
    for path in sorted(sources):
        language = "python" if path.endswith(".py") else "dockerfile"
        text = f"# {path}\n\n````{language}\n{(ROOT / path).read_text('utf-8')}````\n"
        files.append(
            File.generated(config, f"source/{path}.md", content=text, inclusion=InclusionLevel.NOT_IN_NAV)
        )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between places on disk into links between pages."""
    uri = page.file.src_uri

    def on_site(match: re.Match[str]) -> str:
        path = _resolved(uri, match[0])
        if _is_source(path):
            target = f"source/{path}.md"
        elif path.startswith("docs/"):
            target = path.removeprefix("docs/")
        elif path in PAGES:
            target = PAGES[path]
        else:
            # mkdocs says that it leads nowhere.
            return match[0]
        return posixpath.relpath(target, posixpath.dirname(uri) or ".")

    return _LINK.sub(on_site, markdown)


def _is_source(path: str) -> bool:
    return path.endswith(".py") or path.startswith("docs/snippets/")


def _linked(uri: str, markdown: str) -> Iterator[str]:
    return (_resolved(uri, target) for target in _LINK.findall(markdown))


def _resolved(uri: str, target: str) -> str:
    """Where a page's link leads on disk, from the root."""
    disk = _ON_DISK.get(uri, f"docs/{uri}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(disk), target))

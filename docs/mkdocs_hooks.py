"""Hooks of MkDocs: pages outside docs/, links to source files, and files that are named and not there.

A page's links are those that GitHub shows, relative to the file. Here they are made those of the site.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "bench/README.md": "benchmarks.md",
}
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)")
# A file or folder of ours that is named without a link. Decisions and the change log name what there was.
NAMED = re.compile(r"`((?:pyzn_\w+|tests|chaos|bench|docs|deploy)/[\w./-]*)`")

log = logging.getLogger("mkdocs.hooks.repository")  # a warning below `mkdocs` ends a strict build


def on_files(files: Files, config: Any) -> Files:
    """Make pages of the site of those outside docs/."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, **_: Any) -> str:
    """Make each link that is relative to the repository relative to the site; warn of what is not there."""
    here = page.file.src_uri
    source = next((outside for outside, name in OUTSIDE.items() if name == here), f"docs/{here}")

    def resolved(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["path"]))
        if (ROOT / path / "README.md").exists():
            path += "/README.md"
        if not (ROOT / path).exists():
            log.warning("%s: %s leads to no file", source, link[0])
        elif path in OUTSIDE or path.startswith("docs/"):
            target = posixpath.relpath(OUTSIDE.get(path, path.removeprefix("docs/")), posixpath.dirname(here) or ".")
            return f"[{link['text']}]({target}{link['anchor'] or ''})"
        elif config.repo_url:
            return f"[{link['text']}]({config.repo_url.rstrip('/')}/blob/main/{path})"
        return link["text"]

    if not source.startswith(("docs/decisions/", "CHANGELOG")):  # history
        for path in NAMED.findall(markdown):
            if not (ROOT / path).exists():
                log.warning("%s: there is no `%s`", source, path)
    return LINK.sub(resolved, markdown)

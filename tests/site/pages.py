"""A page of the site, taken apart."""

from html.parser import HTMLParser

import httpx

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VOID = {"hr", "img", "input", "link", "meta", "source"}


class Html(HTMLParser):
    """The elements and texts of a page; demands that each ends where it should, and that nothing in it runs inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        assert "style" not in names | {tag}, "the policy forbids what is inline"
        assert not [name for name in names if name.startswith("on")]
        assert tag != "script" or "src" in names
        self.handle_startendtag(tag, attrs)
        self.text += " "
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self.text += " "
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    @property
    def addresses(self) -> list[str]:
        return self.all("href") + self.all("src") + self.all("action")

    @property
    def numbers(self) -> list[str]:
        """The links to the numbers of charts and tables."""
        return [address for address in self.all("href") if address.startswith("/api/v4/")]

    @property
    def charts(self) -> list[str]:
        """The sentence that describes each chart."""
        return [
            attributes["aria-label"]
            for tag, attributes in self.elements
            if tag == "svg" and attributes.get("role") == "group"
        ]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def page(client: httpx.Client, path: str, status: int = 200) -> Html:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), path
    return Html(answer.text)

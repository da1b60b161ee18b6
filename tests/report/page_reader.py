"""A strict reader of the report's page, for tests: elements must be closed in order, and text is kept by element."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "wbr"}
KNOWN = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "section", "article", "footer", "div", "span", "p", "h1",
    "h2", "h3", "a", "b", "bdi", "strong", "small", "code", "ul", "li", "dl", "dt", "dd", "table", "thead",
    "tbody", "tr", "th", "td", "figure", "figcaption", "img", "svg", "defs", "pattern", "path", "rect", "text", "tspan",
}  # fmt: skip


class PageReader(HTMLParser):
    """Reads a page; `ids`, `links`, `sources`, `text` and `text_of` say what it found.

    Raises:
        AssertionError: While reading, if an element is unknown, left open or closed out of order, or an attribute is an event handler.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self._texts: list[tuple[frozenset[str], str]] = []
        self.feed(page)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name == "src":
                self.sources.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} was never opened"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self._texts.append((frozenset(self.open), data))

    @property
    def text(self) -> str:
        return "".join(text for within, text in self._texts if "style" not in within)

    def text_of(self, tag: str) -> str:
        return "".join(text for within, text in self._texts if tag in within)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

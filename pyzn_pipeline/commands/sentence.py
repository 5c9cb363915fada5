"""A sentence as an argument of a command: pages, feeds and exports show it."""

import click

LONGEST = 500  # characters; a CHECK of pyzn.events has the same


class Sentence(click.ParamType[str]):
    """A text of one line."""

    name = "sentence"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text with single spaces; one that is empty, too long or not printable is a usage error."""
        sentence = " ".join(str(value).split())
        if not (0 < len(sentence) <= LONGEST and sentence.isprintable()):
            self.fail(f"the sentence is {sentence[:40]!r}: write 1 to {LONGEST} printable characters", param, ctx)
        return sentence


SENTENCE = Sentence()

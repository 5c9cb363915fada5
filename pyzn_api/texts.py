"""Texts from outside, fit to be shown."""

LONGEST_ECHO = 80  # characters of what the client sent that a message repeats


def shortened(text: str, longest: int = LONGEST_ECHO) -> str:
    """Return `text` fit to be repeated in a message: short, and without characters that print as nothing."""
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: longest + 1])
    return visible if len(visible) <= longest else visible[:longest] + "…"

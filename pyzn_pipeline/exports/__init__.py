"""Published days as files: where they are, what they are called, and how a packed row becomes tidy rows and back.

Belongs here: the format, which the export writes and the mirror reads. Does not: Postgres (store/), which days are
exported (upkeep/export.py), and how a mirror becomes a source (source/mirror.py). docs/export.md describes the format.
"""

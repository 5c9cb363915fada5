"""Exported days: published days as files, which another PyZn can mirror. docs/export.md describes the files.

All of it is here, with its SQL and its Dagster definitions: the format (index, tidy), the storage, the writing of an
export, a mirror as a source (mirror), and the ledger that follows one (following).
"""

"""Shared by the definitions of several topics: partitions, resources, the source table, the form of metadata."""

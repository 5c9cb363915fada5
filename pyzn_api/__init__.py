"""The read-only HTTP API over the schema that the pipeline publishes.

Belongs here: routes, their SQL, caching. Does not: any write, any import of the pipeline.
"""

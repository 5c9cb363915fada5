"""The subcommands of `pyzn` that deployments and the embedded stack both need, each in its own file."""

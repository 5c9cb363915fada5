"""The pipeline's subcommands of `pyzn`: what a deployment needs as well as the embedded stack. One file a command."""

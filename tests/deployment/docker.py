"""A command `docker` for scripts where no engine is: the verbs of docs/operations.md, on a deployment of processes.

The command itself is a few lines that ask this process over a socket; it becomes the process of a `docker compose run`,
so that the script's pipes and files are that one's.
"""

import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deployment.compose import Deployment, variables

# Python through the shell: the path of an interpreter after #! may have no space.
COMMAND = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked, asked.makefile("rw") as lines:
    asked.connect({address!r})
    lines.write(json.dumps(sys.argv[1:]) + "\\n")
    lines.flush()
    answer = json.loads(lines.readline())
if "run" in answer:
    os.chdir(answer["folder"])
    os.execvpe(answer["run"][0], answer["run"], answer["environment"])
sys.exit(answer.get("wrong"))
"""


def answer(deployment: Deployment, project: Path, words: list[str]) -> dict[str, Any]:
    """What `docker WORDS` does, up to the process that a `run` becomes."""
    deployment.configure(variables((project / ".env").read_text()))
    match words:
        case ["compose", "up", "--build", "--detach", "--wait"]:
            deployment.up()
        case ["compose", "rm", "--force"]:
            pass  # what has ended is gone already
        case ["compose", "rm", "--stop", "--force", *names] | ["compose", "stop", *names]:
            deployment.end(names)
        case ["compose", "restart", *names]:
            deployment.end(names)
            deployment.up(only=names)
        case ["compose", "run", "--rm", "-T", name, *command] | ["compose", "run", "--rm", name, *command]:
            deployment.up(only=needed(deployment, name))
            environment = deployment.environment(name)
            folder = str(deployment.folder_of(name))
            return {"run": deployment.command(name, *command), "environment": environment, "folder": folder}
        case _:
            raise NotImplementedError(f"docker {' '.join(words)}: not a verb of docs/operations.md")
    return {}


def needed(deployment: Deployment, name: str) -> set[str]:
    """The services that it depends on, and those that they do."""
    return {other for direct in deployment.needs(name) for other in (direct, *needed(deployment, direct))}


@contextmanager
def docker(deployment: Deployment, project: Path, folder: Path) -> Iterator[Path]:
    """A folder for PATH whose command `docker` works on `deployment`, with the `.env` of `project`."""
    address = str(folder / "socket")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words = json.loads(self.rfile.readline())
            try:
                said = answer(deployment, project, words)
            except Exception as error:  # noqa: BLE001 - the command's exit status and message say it
                said = {"wrong": f"docker {' '.join(words)}: {error}"}
            self.wfile.write(json.dumps(said).encode() + b"\n")

    command = folder / "docker"
    command.write_text(COMMAND.format(python=sys.executable, address=address))
    command.chmod(0o755)
    with socketserver.UnixStreamServer(address, Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield folder
        finally:
            server.shutdown()

"""docker-compose.yml as Compose reads it, with the variables of .env.example."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def shell_blocks(page: str) -> list[str]:
    """Return the blocks of shell in a page, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def example() -> str:
    """Return .env.example as filled in for the demo: commented lines active, passwords set."""
    lines = re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    lines += [(name, f"{name.lower()}-of-the-test") for name, value in lines if name.endswith("PASSWORD") and not value]
    chosen = {name: value for name, value in lines if value}
    return "".join(f"{name}={value}\n" for name, value in chosen.items())


def variables(text: str) -> dict[str, str]:
    """Return the settings of a `.env`, as Compose reads it: single quotes are no part of a value."""
    lines = re.findall(r"^([A-Z_]+)=(?:'(.*)'|(.*))$", text, re.MULTILINE)
    for name, _, bare in lines:
        assert "$" not in bare, f"{name}: Compose would take $ for a variable"
    return {name: quoted or bare for name, quoted, bare in lines}


def example_environment() -> dict[str, str]:
    """Return the settings of `example`."""
    return variables(example())


def load(environment: dict[str, str]) -> dict[str, Any]:
    """Return the compose file with its variables in place, as `docker compose config` shows it."""

    def substitute(match: re.Match[str]) -> str:
        name, operator, argument = match.groups()
        value = environment.get(name, "")
        if not value and operator == "?":
            raise KeyError(f"{name}: {argument}")
        return value or (argument if operator == "-" else "")

    def interpolate(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: interpolate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [interpolate(item) for item in value]
        if isinstance(value, str):
            while (inner := re.sub(r"\$\{(\w+)(?::([-?])([^${}]*))?\}", substitute, value)) != value:
                value = inner
        return value

    file = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return {key: interpolate(value) for key, value in file.items() if not key.startswith("x-")}

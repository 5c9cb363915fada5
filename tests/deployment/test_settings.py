"""docs/settings.md names every environment variable there is, with its default and what it is."""

import inspect
import re
from typing import Any

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

import pyzn_api.settings
import pyzn_pipeline.settings
from tests.deployment.compose import ROOT, example_environment, load

PAGE = (ROOT / "docs" / "settings.md").read_text()
CLASSES = {
    kind
    for module in (pyzn_pipeline.settings, pyzn_api.settings)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, BaseSettings) and kind.__module__ == module.__name__
}
DOCUMENTED = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))


def variables(kind: type[BaseSettings]) -> dict[str, Any]:
    """Return the fields of a settings class by their environment variable."""
    prefix = str(kind.model_config["env_prefix"])
    return {
        str(field.validation_alias or f"{prefix}{name.upper()}"): field for name, field in kind.model_fields.items()
    }


def shown(default: object) -> str:
    """Return a default as the table shows it."""
    if default is PydanticUndefined:
        return "required"
    text = ",".join(map(str, default)) if isinstance(default, list) else str("" if default is None else default)
    return f"`{text}`" if text else ""


def test_every_setting_is_in_the_table_with_its_default_and_description() -> None:
    rows = {
        f"| `{variable}` | {shown(field.default)} | {field.description} |"
        for kind in CLASSES
        for variable, field in variables(kind).items()
    }
    assert sorted(rows - set(PAGE.splitlines())) == []


def test_every_variable_that_a_file_or_the_embedded_stack_reads_is_in_the_table_and_no_other_is() -> None:
    read = {variable for kind in CLASSES for variable in variables(kind)}
    for name in ("docker-compose.yml", ".env.example"):
        read |= set(re.findall(r"(?:\$\{|^# |^)([A-Z][A-Z_]+)(?=[:}=])", (ROOT / name).read_text(), re.MULTILINE))
    for name in ("dagster.yaml", "workspace.yaml", "deploy/kubernetes/base/dagster.yaml"):
        read |= set(re.findall(r"env: (\w+)", (ROOT / name).read_text()))
    for file in (ROOT / "pyzn_local").rglob("*.py"):
        read |= set(re.findall(r"\"(PYZN_[A-Z_]+)\"", file.read_text()))
    assert read - DOCUMENTED == set()
    assert DOCUMENTED - read == set()


@pytest.mark.parametrize(
    ("service", "kind", "without"),
    [
        ("code", pyzn_pipeline.settings.Settings, {"PYZN_API_DATABASE_URL"}),
        ("pyzn", pyzn_pipeline.settings.DeploymentSettings, {"DAGSTER_HOME"}),  # the image's
        ("api", pyzn_api.settings.Settings, set()),
    ],
)
def test_a_container_gets_every_setting_of_its_package(
    service: str, kind: type[BaseSettings], without: set[str]
) -> None:
    environment = load(example_environment())["services"][service]["environment"]
    assert set(variables(kind)) - set(environment) == without

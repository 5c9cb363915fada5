"""docker-compose.yml, without an engine: valid by its specification, confined, and without secrets."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validators

from pyzn_api import settings as api_settings
from pyzn_pipeline import settings as pipeline_settings
from pyzn_pipeline.settings import Settings
from tests.deployment.compose import ROOT, example_environment, load, shell_blocks

SERVICES: dict[str, Any] = load(example_environment())["services"]


def test_the_file_is_valid_by_the_compose_specification() -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text(encoding="utf-8")
    )
    errors = validators.validator_for(schema)(schema).iter_errors(load(example_environment()))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_no_secret_is_in_the_file_and_none_has_a_default() -> None:
    environment = example_environment()
    for name in [name for name in environment if name.endswith("PASSWORD")]:
        with pytest.raises(KeyError, match=name):
            load(environment | {name: ""})
        assert f"${{{name}:-" not in (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined_and_comes_back_by_itself(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert "size=" in service["tmpfs"][0]
    ends = name in {"databases", "migrate", "pyzn"}
    assert service["restart"] == ("no" if name == "pyzn" else "on-failure" if ends else "unless-stopped")
    assert ("healthcheck" in service) == (not ends)
    assert name == "proxy" or all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_public_reaches_the_api_and_the_api_reaches_postgres_and_nothing_else() -> None:
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert {name for name, of in networks.items() if "public" in of} == {"api", "proxy"}
    assert {name for name, of in networks.items() if of & networks["api"]} == {"api", "proxy", "postgres"}


def test_a_password_is_given_to_no_service_that_does_not_use_it() -> None:
    given = {
        variable: {name for name, service in SERVICES.items() if variable in str(service.get("environment"))}
        for variable in ("postgres_password", "pyzn_database_password", "pyzn_api_database_password")
    }
    owners = {"databases", "migrate", "code", "webserver", "daemon", "pyzn", "backup"}
    assert given == {
        "postgres_password": {"postgres", "databases"},
        "pyzn_database_password": owners,
        "pyzn_api_database_password": {"migrate", "api", "pyzn"},
    }


def test_each_image_is_built_once_and_tagged_with_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    built = {name: service["image"] for name, service in SERVICES.items() if "build" in service}
    assert built == {"migrate": f"pyzn:{version}", "bigquery": f"pyzn-demo:{version}"}
    images = {service["image"].partition("@sha256:")[0] for service in SERVICES.values()}
    assert images == {*built.values(), "postgres:18", "caddy:2"}


def test_without_the_profile_postgres_the_file_is_for_a_server_elsewhere() -> None:
    url = "postgresql://pyzn:secret@elsewhere:6543/pyzn?sslmode=require"
    services = load(example_environment() | {"PYZN_DATABASE_URL": url})["services"]
    assert {service.get("environment", {}).get("PYZN_DATABASE_URL") for service in services.values()} == {url, None}
    assert all(
        needs.get("required") is False
        for service in services.values()
        for name, needs in service.get("depends_on", {}).items()
        if name in {"postgres", "databases"} and service.get("profiles") != ["postgres"]
    )


def test_the_ui_is_guarded_and_its_own_name_is_known() -> None:
    assert SERVICES["webserver"]["command"][:3] == ["python", "-m", "pyzn_pipeline.webserver"]
    names = load(example_environment() | {"PYZN_DAGSTER_HOSTS": "dagster.example.org"})["services"]["webserver"]
    assert names["environment"]["PYZN_DAGSTER_HOSTS"] == "webserver,dagster.example.org"
    assert SERVICES["pyzn"]["environment"]["PYZN_DAGSTER_URL"] == "http://webserver:3000"


def test_the_pages_commands_name_services_and_are_shell() -> None:
    scripts = shell_blocks((ROOT / "docs" / "operations.md").read_text())
    for script in scripts:
        assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0, script
    named = re.findall(r"docker compose (?:run --rm|run --rm -T|exec|restart|cp) (\w+)", "".join(scripts))
    assert {"pyzn", "backup"} <= set(named) <= set(SERVICES)


@pytest.mark.parametrize(
    ("service", "load"), [("api", api_settings.load), ("code", partial(pipeline_settings.load, Settings))]
)
def test_a_service_takes_every_setting_of_the_example(
    service: str, load: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, value)
    load()  # also the hash of a password, with all its dollars


@pytest.mark.parametrize(
    ("url", "password", "rest"),
    [
        ("postgresql://pyzn:secret@h:5432/pyzn", "secret", "postgresql://pyzn@h:5432/pyzn"),
        ("postgresql://pyzn:a%40%5Cb%25@h/pyzn?sslmode=require", "a@\\b%", "postgresql://pyzn@h/pyzn?sslmode=require"),
        ("postgresql://pyzn@h/pyzn", "", "postgresql://pyzn@h/pyzn"),
    ],
)
def test_no_program_of_postgres_gets_the_password_as_an_argument(url: str, password: str, rest: str) -> None:
    shown = subprocess.run(
        ["bash", ROOT / "deploy/postgres/postgres.sh", "sh", "-c", 'printf "%s " "$PGPASSWORD" "$@"', "pg_dump"],
        env={"PYZN_DATABASE_URL": url, "PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout == f"{password} --dbname {rest} "
    scripts = [ROOT / "docs" / "operations.md", ROOT / "docker-compose.yml", *(ROOT / "deploy").rglob("*.sh")]
    assert [path.name for path in scripts if re.search(r"(pg_|psql).*(URL|PASSW)", path.read_text())] == []


def test_make_pin_images_writes_digests_and_renews_them(tmp_path: Path) -> None:
    for name in ("Dockerfile", "docker-compose.yml", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    for digest in ("sha256:" + "a" * 64, "sha256:" + "b" * 64):
        docker.write_text(f"#!/bin/sh\necho {digest}\n")  # no registry is reached here
        docker.chmod(0o755)
        path = {"PATH": f"{docker.parent}:{os.environ['PATH']}"}
        subprocess.run(["make", "pin-images"], cwd=tmp_path, env=path, check=True)
        pinned = (tmp_path / "Dockerfile").read_text() + (tmp_path / "docker-compose.yml").read_text()
        assert re.findall(r"(?:FROM|image:) (?:python|postgres|caddy):[^@\s]+@(\S+)", pinned) == [digest] * 4

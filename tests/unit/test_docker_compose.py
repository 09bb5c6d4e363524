"""The deployment files, which no engine starts here: all that can be checked without.

Each check is a function from the files to the problems it finds. The files as they are
have none, and every kind of mistake that a check is for is made on a copy and found.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from event_warehouse.accept.open_store import FEED
from event_warehouse.local_airflow.environment import airflow_environment
from event_warehouse.local_airflow.services import SERVICES
from event_warehouse.processes import embedded
from event_warehouse.settings import PROJECT, read_settings

IMAGE_PROJECT = "/opt/warehouse"
# What the images bring: argv[0] of their entry point, and programs for health checks.
PROGRAMS_OF_IMAGES = {
    "postgres": {"postgres", "pg_isready"},
    "chrislusf/seaweedfs": {"server", "curl"},
    "python": {"python"},
}
# What Airflow is told otherwise where each of its services has a container: addresses,
# and secrets that are not made but given.
OF_A_SERVER = {
    "AIRFLOW__API__HOST",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
}
FOR_HEALTH_CHECKS = {
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST",
}
SECRET = re.compile(r"PASSWORD|SECRET|_KEY|KEY_ID")
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?+])([^}]*))?\}")


@dataclass(frozen=True)
class Deployment:
    """The files as they are, or a copy with a mistake in it."""

    compose: str
    dockerfile: str
    example: str
    requires_python: str

    @cached_property
    def content(self) -> dict[str, Any]:
        """The compose file, its anchors and merges resolved."""
        content: dict[str, Any] = yaml.safe_load(self.compose)
        return content

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """By name."""
        services: dict[str, dict[str, Any]] = self.content["services"]
        return services

    @cached_property
    def instructions(self) -> list[tuple[str, str]]:
        """The Dockerfile's, each with its arguments on one line."""
        text = re.sub(r"^\s*#.*\n", "", self.dockerfile, flags=re.MULTILINE)
        lines = re.sub(r"\\\n\s*", "", text).splitlines()
        words = [line.split(maxsplit=1) for line in lines if line.strip()]
        return [(word.upper(), rest) for word, rest in words]

    @property
    def base_image(self) -> str:
        """What the Dockerfile starts from."""
        return next(rest for word, rest in self.instructions if word == "FROM")

    @cached_property
    def built_images(self) -> set[str]:
        """Names of the images that are made here."""
        return {one["image"] for one in self.services.values() if "build" in one}

    def programs(self, image: str) -> set[str]:
        """The executables that a container of the image has, as far as it is known."""
        if image in self.built_images:
            return declared_programs() | self.programs(self.base_image)
        return PROGRAMS_OF_IMAGES.get(image.partition(":")[0], set())

    @cached_property
    def variables(self) -> list[tuple[str, str, str]]:
        """Name, operator and operand of each ${...} of the compose file."""
        # Dumped, because a name may be folded over two lines in the file.
        return VARIABLE.findall(json.dumps(self.content))


Check = Callable[[Deployment], Iterator[str]]


def read_deployment() -> Deployment:
    """The files of this project."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return Deployment(
        compose=(PROJECT / "docker-compose.yml").read_text(),
        dockerfile=(PROJECT / "Dockerfile").read_text(),
        example=(PROJECT / ".env.example").read_text(),
        requires_python=project["requires-python"],
    )


# --- The checks ----------------------------------------------------------------------


def schema(deployment: Deployment) -> Iterator[str]:
    """The compose specification's own, as check-jsonschema ships it."""
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor"
    specification = json.loads((folder / "compose-spec.json").read_text())
    # A file of another draft would be checked by the wrong rules.
    assert "2020-12" in specification["$schema"]
    for error in Draft202012Validator(specification).iter_errors(deployment.content):
        yield f"{error.json_path}: {error.message}"


def paths(deployment: Deployment) -> Iterator[str]:
    for name, service in deployment.services.items():
        for path in _paths_of_service(service):
            if path.startswith("$"):
                continue
            if not _is_in_project(path):
                yield f"{name}: {path} is not in the repository"


def _paths_of_service(service: dict[str, Any]) -> Iterator[str]:
    for mount in service.get("volumes", []):
        if isinstance(mount, dict) and mount["type"] == "bind":
            yield mount["source"]
        elif isinstance(mount, str) and mount.startswith((".", "/", "~", "$")):
            yield mount.partition(":")[0]
    build = service.get("build")
    if build is not None:
        build = {"context": build} if isinstance(build, str) else build
        yield build["context"]
        yield f"{build['context']}/{build.get('dockerfile', 'Dockerfile')}"


def _is_in_project(path: str) -> bool:
    full = (PROJECT / path).resolve()
    return full.exists() and full.is_relative_to(PROJECT)


def volumes(deployment: Deployment) -> Iterator[str]:
    declared = set(deployment.content["volumes"])
    mounts = [
        mount
        for service in deployment.services.values()
        for mount in service.get("volumes", [])
    ]
    used = {
        mount.partition(":")[0]
        for mount in mounts
        if isinstance(mount, str) and mount[0].isalnum()
    } | {
        mount["source"]
        for mount in mounts
        if isinstance(mount, dict) and mount["type"] == "volume"
    }
    for name in declared ^ used:
        yield f"volume {name} is {'not used' if name in declared else 'not declared'}"


def folders(deployment: Deployment) -> Iterator[str]:
    """What the settings name inside of a container is mounted there."""
    for name, service in deployment.services.items():
        environment = service.get("environment", {})
        for key in ("WAREHOUSE_HOME", "WAREHOUSE_LANDING", "WAREHOUSE_FEEDS"):
            place = environment.get(key)
            if key == "WAREHOUSE_LANDING" and _accepts_events(service):
                place = f"{place}/{FEED}"
            if place and place not in _targets(service):
                yield f"{name}: nothing is mounted at {key}, {place}"


def _targets(service: dict[str, Any]) -> set[str]:
    return {
        mount["target"] if isinstance(mount, dict) else mount.split(":")[1]
        for mount in service.get("volumes", [])
    }


def accepting(deployment: Deployment) -> Iterator[str]:
    """A service takes events, where it is asked, and can write to their folder."""
    accepting = {k: v for k, v in deployment.services.items() if _accepts_events(v)}
    if not accepting:
        yield "nothing takes events"
    for name, service in accepting.items():
        if "--host=0.0.0.0" not in service["command"]:
            yield f"{name}: listens inside of its container only"
        port = service["environment"]["WAREHOUSE_API_PORT"]
        if [f"127.0.0.1:{port}:{port}"] != service["ports"]:
            yield f"{name}: does not listen on the port that is published"
        for mount in service["volumes"]:
            if mount["target"].endswith(f"/{FEED}") and mount.get("read_only"):
                yield f"{name}: can't write to {mount['target']}"


def _accepts_events(service: dict[str, Any]) -> bool:
    return bool(service["command"][:2] == ["warehouse", "serve"])


def commands(deployment: Deployment) -> Iterator[str]:
    """Executables exist, and so does what warehouse and airflow are asked to do."""
    for name, service in deployment.services.items():
        programs = deployment.programs(service["image"])
        for command in _commands_of_service(service):
            program, *arguments = command
            if program not in programs:
                yield f"{name}: {program} is no program of {service['image']}"
            elif program in ASKED and not ASKED[program](tuple(arguments)):
                yield f"{name}: there is no command: {' '.join(command)}"


def _commands_of_service(service: dict[str, Any]) -> Iterator[list[str]]:
    # A list, so that no shell stands between Docker's signals and the program.
    yield service["command"]
    if "healthcheck" in service:
        kind, *command = service["healthcheck"]["test"]
        assert kind == "CMD"
        yield command


@cache
def declared_programs() -> set[str]:
    """Console scripts of this project and of what requirements.txt pins."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    pinned = {
        canonicalize_name(Requirement(line.partition(" #")[0]).name)
        for line in lines
        if line[:1].isalnum()
    }
    scripts = {
        entry.name
        for distribution in distributions()
        if canonicalize_name(distribution.name) in pinned
        for entry in distribution.entry_points
        if entry.group == "console_scripts"
    }
    return scripts | set(project["scripts"])


@cache
def warehouse_has(arguments: tuple[str, ...]) -> bool:
    """Asks the console script that pyproject.toml declares."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["warehouse"].split(":")
    code = f"from {module} import {function}; {function}()"
    return _python(code, *arguments, "--help").returncode == 0


def airflow_has(arguments: tuple[str, ...]) -> bool:
    """Whether the words name one of Airflow's commands, and the options are its."""
    known = airflow_commands()
    words = tuple(one for one in arguments if not one.startswith("-"))
    options = {one for one in arguments if one.startswith("-")}
    # The words may end with an option's value.
    paths = [words[:length] for length in range(len(words), 0, -1)]
    path = next((path for path in paths if path in known), None)
    return path is not None and options <= set(known[path])


@cache
def airflow_commands() -> dict[tuple[str, ...], list[str]]:
    """The options of each of Airflow's commands; asking takes seconds, so only once."""
    with TemporaryDirectory() as home:
        finished = _python(LIST_AIRFLOW_COMMANDS, AIRFLOW_HOME=home)
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    return {tuple(path): options for path, options in found}


LIST_AIRFLOW_COMMANDS = """
import argparse, json
from airflow.cli.cli_parser import get_parser

def commands(parser, path=()):
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield path, list(parser._option_string_actions)
    for group in groups:
        for name, child in group.choices.items():
            yield from commands(child, (*path, name))

print(json.dumps(list(commands(get_parser()))))
"""


def _python(
    code: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A Python of its own, which finds the package whether or not it is installed."""
    path = [str(PROJECT / "plugins"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


ASKED: dict[str, Callable[[tuple[str, ...]], bool]] = {
    "warehouse": warehouse_has,
    "airflow": airflow_has,
}


def settings(deployment: Deployment) -> Iterator[str]:
    known = asked_settings()
    for name, service in deployment.services.items():
        for key in service.get("environment", {}):
            if key.startswith("WAREHOUSE_") and key not in known:
                yield f"{name}: {key} is no setting"
    for name, _, _ in deployment.variables:
        if name.startswith("WAREHOUSE_") and name not in known:
            yield f"${{{name}}} is no setting"


def asked_settings() -> set[str]:
    """What the settings are read from."""

    class Asked(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            self[key] = ""
            return default

    asked = Asked()
    read_settings(asked)
    return set(asked)


def airflow_variables(deployment: Deployment) -> Iterator[str]:
    """Airflow is told what the embedded default tells it, but for the addresses."""
    for name, service in deployment.services.items():
        if service["image"] not in deployment.built_images:
            continue
        environment = _resolve(service["environment"])
        # It runs no tasks, and is better without Airflow's secrets.
        if _accepts_events(service):
            for key in environment:
                if key.startswith("AIRFLOW_"):
                    yield f"{name}: {key} is none of its business"
            continue
        told = {k: v for k, v in environment.items() if k.startswith("AIRFLOW_")}
        expected = _embedded_variables(environment)
        for key in sorted(set(told) ^ set(expected) ^ FOR_HEALTH_CHECKS):
            yield f"{name}: {key} is set only {'here' if key in told else 'there'}"
        for key in sorted((set(told) & set(expected)) - OF_A_SERVER):
            if told[key] != expected[key]:
                yield f"{name}: {key} is {told[key]}, not {expected[key]}"


def _embedded_variables(environment: dict[str, str]) -> dict[str, str]:
    with TemporaryDirectory() as home:
        # Elsewhere, as secrets are made there.
        made = airflow_environment(
            read_settings({**environment, "WAREHOUSE_HOME": home})
        )
    places = {
        str(Path(home).resolve()): environment["WAREHOUSE_HOME"],
        str(PROJECT): IMAGE_PROJECT,
    }
    for ours, theirs in places.items():
        made = {key: value.replace(ours, theirs) for key, value in made.items()}
    return {key: value for key, value in made.items() if key.startswith("AIRFLOW_")}


def _resolve(environment: dict[str, Any]) -> dict[str, str]:
    """The defaults in place of the variables; what has none is called secret."""
    return {
        key: VARIABLE.sub(lambda m: m[3] if m[2] == ":-" else "secret", str(value))
        for key, value in environment.items()
    }


def postgres_settings(deployment: Deployment) -> Iterator[str]:
    """Postgres is tuned as the embedded one, but for what its machine decides."""
    line = re.compile(r"^(\w+) = '?([^'\n]*)'?$", re.MULTILINE)
    expected = dict(line.findall(embedded.CONFIGURATION))
    decided = {"listen_addresses", "port", "max_parallel_workers", "shared_buffers"}
    decided |= {key for key in expected if "socket" in key}
    _, *arguments = deployment.services["postgres"]["command"]
    told = dict(argument.removeprefix("-c").split("=", 1) for argument in arguments)
    if not re.fullmatch(
        r"\$\{POSTGRES_SHARED_BUFFERS:-\d+GB\}", told["shared_buffers"]
    ):
        yield f"postgres: shared_buffers is {told['shared_buffers']}"
    for key in sorted((set(told) | set(expected)) - decided):
        if told.get(key) != expected.get(key):
            yield f"postgres: {key} is {told.get(key)}, not {expected.get(key)}"


def airflow_services(deployment: Deployment) -> Iterator[str]:
    """The same programs as without Docker, each in a container."""
    started = [one["command"] for one in deployment.services.values()]
    for service in SERVICES:
        if ["airflow", *service.arguments] not in started:
            yield f"airflow {' '.join(service.arguments)} is not started"


def documentation(deployment: Deployment) -> Iterator[str]:
    """Each variable is in .env.example with a line on it, and none that is not one."""
    documented = _documented(deployment.example)
    used = {name for name, _, _ in deployment.variables} | asked_settings()
    used |= asked_of_producers()
    for name in sorted(used ^ set(documented)):
        yield f"{name} is {'not in .env.example' if name in used else 'not used'}"
    for name, operator, operand in deployment.variables:
        value, is_set = documented.get(name, ("", True))
        if operator == ":-" and (value, is_set) != (operand, False):
            yield f".env.example: the default of {name} is {operand}"
        if operator == ":?" and (value, is_set) != ("", True):
            yield f".env.example: {name} is required and has no default"


def asked_of_producers() -> set[str]:
    """The settings of applications that send events."""
    module = PROJECT / "plugins" / "event_warehouse" / "producer" / "settings.py"
    return set(re.findall(r'"(EVENTS_\w+)"', module.read_text()))


def _documented(example: str) -> dict[str, tuple[str, bool]]:
    """Each variable's value, and whether it has to be set."""
    lines = re.findall(r"^# [^-].*\n(#?)(\w+)=(.*)$", example, re.MULTILINE)
    return {name: (value, not mark) for mark, name, value in lines}


def secrets(deployment: Deployment) -> Iterator[str]:
    """What is secret has no default, and stopping without it says what to do."""
    required = {name for name, operator, _ in deployment.variables if operator == ":?"}
    for name, operator, _ in deployment.variables:
        if SECRET.search(name) and (name not in required or ":-" in operator):
            yield f"{name} must be ${{{name}:?what to set}}"
    for name, service in deployment.services.items():
        for key, value in service.get("environment", {}).items():
            # A setting of a file's place is none.
            is_secret = SECRET.search(key) and not key.endswith("_FILE")
            if is_secret and not VARIABLE.fullmatch(str(value)):
                yield f"{name}: the value of {key} stands in the file"


def images(deployment: Deployment) -> Iterator[str]:
    for name, service in deployment.services.items():
        if not _is_pinned(service["image"]):
            yield f"{name}: {service['image']} has no tag of one version"
    if not _is_pinned(deployment.base_image):
        yield f"Dockerfile: {deployment.base_image} has no tag of one version"


def _is_pinned(image: str) -> bool:
    # A lone major version moves.
    return re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*", image) is not None


def dependencies(deployment: Deployment) -> Iterator[str]:
    for name, service in deployment.services.items():
        for other, how in service.get("depends_on", {}).items():
            target = deployment.services.get(other)
            if target is None:
                yield f"{name}: there is no service {other}"
            elif how["condition"] != _condition(target):
                yield f"{name}: {other} is waited for as {how['condition']}"


def _condition(service: dict[str, Any]) -> str:
    """What can be waited for."""
    if _is_one_shot(service):
        return "service_completed_successfully"
    return "service_healthy" if "healthcheck" in service else "service_started"


def _is_one_shot(service: dict[str, Any]) -> bool:
    return bool(service.get("restart") == "no")


def operation(deployment: Deployment) -> Iterator[str]:
    """What runs for months comes back, says how it is, and does not fill the disk."""
    for name, service in deployment.services.items():
        if {"max-size", "max-file"} - set(service["logging"]["options"]):
            yield f"{name}: its log grows for ever"
        if _is_one_shot(service):
            continue
        if service.get("restart") != "unless-stopped":
            yield f"{name}: does not come back"
        if "healthcheck" not in service:
            yield f"{name}: has no health check"


def ports(deployment: Deployment) -> Iterator[str]:
    for name, service in deployment.services.items():
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: {port} is open to the network"


def users(deployment: Deployment) -> Iterator[str]:
    named = [rest for word, rest in deployment.instructions if word == "USER"]
    if not named or named[-1].partition(":")[0] in {"root", "0"}:
        yield "Dockerfile: the image runs as root"
    for name, service in deployment.services.items():
        if str(service.get("user", "-")).partition(":")[0] in {"root", "0"}:
            yield f"{name}: runs as root"


def dockerfile(deployment: Deployment) -> Iterator[str]:
    """What it copies exists, and what it installs is copied before."""
    copied: set[str] = set()
    for word, rest in deployment.instructions:
        if word in {"COPY", "ADD"}:
            *sources, _ = [part for part in rest.split() if not part.startswith("--")]
            copied |= set(sources)
            for source in sources:
                if not _is_in_project(source):
                    yield f"Dockerfile: {source} is not in the repository"
        if word == "WORKDIR" and rest != IMAGE_PROJECT:
            yield f"Dockerfile: {rest} is not {IMAGE_PROJECT}"
    installed = ("requirements.txt", "pyproject.toml", "plugins")
    for needed in (*installed, "dags", "dbt_project", "feeds.yml"):
        if needed not in copied:
            yield f"Dockerfile: {needed} is not copied"


def python_version(deployment: Deployment) -> Iterator[str]:
    version = re.match(r"python:(\d+\.\d+\.\d+)", deployment.base_image)
    wanted = SpecifierSet(deployment.requires_python)
    if version is None or version[1] not in wanted:
        yield f"Dockerfile: {deployment.base_image} is not Python {wanted}"


CHECKS: list[Check] = [
    schema,
    paths,
    volumes,
    folders,
    accepting,
    commands,
    settings,
    airflow_variables,
    airflow_services,
    postgres_settings,
    documentation,
    secrets,
    images,
    dependencies,
    operation,
    ports,
    users,
    dockerfile,
    python_version,
]

# --- The tests -----------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_deployment_has_no_problem(check: Check) -> None:
    assert list(check(read_deployment())) == []


EVENTS = "target: /landing/api_events"

MISTAKES = [
    (schema, "compose", "interval: 10s", "intervall: 10s", "intervall"),
    (schema, "compose", "interval: 10s", "interval: [10s]", "10s"),
    (schema, "compose", "\nservices:", "\nservice:", "service"),
    (paths, "compose", "./feeds.yml", "./feed.yml", "feed.yml"),
    (paths, "compose", "./feeds.yml", "../seeds", "../seeds"),
    (paths, "compose", "state:/var", "./states:/var", "./states"),
    (paths, "compose", "build: .", "build: ./docker", "./docker"),
    (paths, "compose", "build: .", "build: {context: ., dockerfile: Old}", "Old"),
    (volumes, "compose", "state:/var", "stat:/var", "stat is not declared"),
    (volumes, "compose", "\n  objects:", "\n  old:\n  objects:", "old is not used"),
    (folders, "compose", "target: /landing", "target: /land", "WAREHOUSE_LANDING"),
    (folders, "compose", "landing/api_events", "landing/events", "landing/api_events"),
    (accepting, "compose", "[warehouse, serve,", "[warehouse, run,", "nothing takes"),
    (accepting, "compose", "--host=0.0.0.0]", "--workers=1]", "listens inside"),
    (accepting, "compose", "WAREHOUSE_API_PORT: ${", "WAREHOUSE_API_PORT: 1${", "port"),
    (accepting, "compose", EVENTS, f"{EVENTS}\n        read_only: true", "can't write"),
    (commands, "compose", "[warehouse, migrate]", "[warehouze]", "warehouze"),
    (commands, "compose", "[warehouse, migrate]", "[warehouse, bake]", "bake"),
    (commands, "compose", "[warehouse, migrate]", "[warehouse, migrate, -x]", "-x"),
    (commands, "compose", "[airflow, dag-processor]", "[airflow, dog]", "dog"),
    (commands, "compose", "[airflow, db, migrate]", "[airflow, db]", "airflow db"),
    (commands, "compose", "--skip-serve-logs", "--skip-logs", "--skip-logs"),
    (commands, "compose", "jobs, check,", "jobs, chuck,", "chuck"),
    (commands, "compose", "[CMD, curl,", "[CMD, wget,", "wget"),
    (settings, "compose", "WAREHOUSE_DSN:", "WAREHOUSE_URL:", "WAREHOUSE_URL"),
    (settings, "compose", "${WAREHOUSE_AIRFLOW_PORT", "${WAREHOUSE_UI", "WAREHOUSE_UI"),
    (airflow_variables, "compose", "__WORKERS:", "__WORKER:", "WORKERS is set only"),
    (airflow_variables, "compose", 'PARALLELISM: "4"', 'PARALLELISM: "9"', "9, not 4"),
    (airflow_variables, "compose", ": /opt/warehouse/dags", ": /dags", "DAGS_FOLDER"),
    (airflow_services, "compose", "dag-processor]", "triggerer]", "dag-processor"),
    (postgres_settings, "compose", "-cjit=off", "-cjit=on", "jit"),
    (postgres_settings, "compose", "-cwork_mem=64MB", "-cfsync=off", "fsync"),
    (documentation, "compose", "${S3_PORT:-", "${PORT_OF_S3:-", "PORT_OF_S3"),
    (documentation, "compose", "${S3_PORT:-8333}", "${S3_PORT:-9000}", "9000"),
    (documentation, "example", "\n#WAREHOUSE_HOME=", "\n#HOUSE=", "HOUSE is not used"),
    (documentation, "example", "\n#EVENTS_SPOOL=", "\n#E=", "EVENTS_SPOOL is not in"),
    (documentation, "example", "\nAIRFLOW_JWT_", "\n\nAIRFLOW_JWT_", "AIRFLOW_JWT_"),
    (documentation, "example", "SECRET_KEY=\n", "SECRET_KEY=key\n", "SECRET_KEY"),
    (secrets, "compose", "${POSTGRES_PASSWORD:?", "${POSTGRES_PASSWORD:-", "POSTGRES_"),
    (secrets, "compose", ": ${POSTGRES_AIRFLOW_PASSWORD}", ": guess", "stands in"),
    (images, "compose", "seaweedfs:4.48", "seaweedfs:latest", "latest"),
    (images, "compose", "seaweedfs:4.48", "seaweedfs", "seaweedfs"),
    (images, "compose", "postgres:18.6-trixie", "postgres:18", "postgres:18"),
    (images, "dockerfile", "python:3.11.15-slim", "python:slim", "python:slim"),
    (dependencies, "compose", "airflow-api-server: {con", "web: {con", "web"),
    (dependencies, "compose", "completed_successfully", "healthy", "migrate-"),
    (dependencies, "compose", 'restart: "no"', "restart: always", "migrate-"),
    (operation, "compose", "max-size: 10m\n", "", "log"),
    (operation, "compose", "restart: unless-stopped", "restart: always", "come back"),
    (operation, "compose", "healthcheck:\n      # By", "x-h:\n      # By", "health"),
    (ports, "compose", "127.0.0.1:${POSTGRES_PORT", "${POSTGRES_PORT", "5432"),
    (ports, "compose", "127.0.0.1:${S3_PORT", "0.0.0.0:${S3_PORT", "8333"),
    (users, "dockerfile", "USER warehouse\n", "", "root"),
    (users, "dockerfile", "\nCMD", "\nUSER 0:0\nCMD", "root"),
    (users, "compose", '"1000:1000"', '"0:0"', "object-storage"),
    (dockerfile, "dockerfile", "COPY dags ", "COPY dag ", "dag is not in"),
    (dockerfile, "dockerfile", "COPY plugins ./plugins\n", "", "plugins"),
    (dockerfile, "dockerfile", "WORKDIR /opt/warehouse", "WORKDIR /app", "/app"),
    (python_version, "dockerfile", "python:3.11.15", "python:3.10.20", "3.10"),
    (python_version, "requires_python", ">=3.11", ">=3.12", "3.11.15"),
]


@pytest.mark.parametrize(("check", "file", "right", "wrong", "found"), MISTAKES)
def test_a_mistake_is_found(
    check: Check, file: str, right: str, wrong: str, found: str
) -> None:
    deployment = read_deployment()
    text = getattr(deployment, file)
    assert right in text
    broken = replace(deployment, **{file: text.replace(right, wrong)})
    assert found in "; ".join(check(broken))


def test_every_check_finds_a_mistake() -> None:
    assert {check for check, *_ in MISTAKES} == set(CHECKS)

"""Commands: all are there, explain themselves, and fail in one line."""

import asyncio
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from eventstore.store import Store
from scripts import commands, console
from scripts.commands import app
from tests.scripts.conftest import Command

COMMANDS = [
    "serve",
    "demo",
    "portal add",
    "portal list",
    "portal rotate",
    "portal token add",
    "portal token remove",
    "token create",
    "token list",
    "token revoke",
    "import",
    "quarantine list",
    "quarantine show",
    "quarantine retry",
    "migrate",
    "rebuild",
    "verify",
    "status",
    "backup",
    "restore",
    "config",
]
SETTINGS = [
    "CHRONICLE_DATABASE",
    "CHRONICLE_SECRET_KEY_FILE",
    "CHRONICLE_SPOOL",
    "CHRONICLE_SPOOL_MAX",
    "CHRONICLE_MAX_BODY",
    "CHRONICLE_BODY_DEADLINE",
    "CHRONICLE_PROJECT",
    "CHRONICLE_VERIFY_EVERY",
    "CHRONICLE_VERIFY_SHARE",
    "CHRONICLE_LOG_LEVEL",
    "CHRONICLE_LOG_FORMAT",
]
MODULES = sorted({command.split()[0] for command in COMMANDS})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(anywhere: Command, command: str) -> None:
    helped = anywhere(*command.split(), "--help")

    assert helped.status == 0
    assert f"chronicle {command}" in " ".join(helped.out.split("Example:")[1].split())


def test_of_all_commands_only_the_one_that_is_asked_for_is_loaded() -> None:
    assert len(app(["--debug", "status", "--json"]).registered_groups) == 1
    assert len(app(["--help"]).registered_groups) == len(commands.COMMANDS)


def test_what_helps_an_import_loads_nothing_that_it_does_not_need() -> None:
    """Each of its processes imports where the program begins, and how lines are read."""
    loaded = "import sys, scripts.cli, scripts.reading; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )

    assert {"scripts.reading", "pydantic_core"} <= set(said.stdout.split())
    assert not {"typer", "rich", "pydantic", "sqlalchemy", "httpx"} & set(said.stdout.split())


def test_every_module_with_a_command_is_one_of_them() -> None:
    with_a_command = {
        file.stem
        for file in Path(commands.__file__).parent.glob("*.py")
        if "\napp = application(" in file.read_text()
    }

    assert with_a_command == set(commands.COMMANDS.values())


@pytest.mark.parametrize("name", MODULES)
def test_every_command_runs_as_a_module(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, f"scripts.{name}", raising=False)

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"scripts.{name}", run_name="__main__")

    assert not ended.value.code
    assert "Usage" in capfd.readouterr().out


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_shown(anywhere: Command, setting: str) -> None:
    assert setting in anywhere("config").out


def test_config_says_where_a_value_came_from(
    anywhere: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("CHRONICLE_MAX_BODY=3MiB\nCHRONICLE_LOG_LEVEL=error\n")
    monkeypatch.setenv("CHRONICLE_LOG_LEVEL", "warning")

    rows = {row["setting"]: row for row in anywhere("config", "--json").json}

    assert rows["CHRONICLE_MAX_BODY"]["value"] == str(3 * 2**20)
    assert rows["CHRONICLE_MAX_BODY"]["source"] == ".env"
    assert rows["CHRONICLE_LOG_LEVEL"]["value"] == "warning"
    assert rows["CHRONICLE_LOG_LEVEL"]["source"] == "environment"
    assert rows["CHRONICLE_PROJECT"]["source"] == "default"


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///a://user:hunter2@b",
        "postgresql://user:hunter2@b/c",
        "postgresql://user:hunter2@b:5432/c",
        "postgres://:hunter2@b/c",
        "postgresql://user:hun:ter2@b/c",
        "postgresql://user:%68unter2@b/c",
        "postgresql://b/c?user=me&password=hunter2",
        "postgresql://b/c?sslpassword=hunter2&password=hunter2&sslmode=require",
    ],
)
def test_config_masks_the_password_of_an_address(
    anywhere: Command, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("CHRONICLE_DATABASE", address)

    shown = anywhere("config")

    assert shown.status == 0
    assert "unter2" not in shown.out
    assert "ter2" not in shown.out
    assert "***" in shown.out


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("mysql://user:hunter2@b/c", "must be sqlite:///PATH"),
        ("postgresql+asyncpg://user:hunter2@b/c", "must be sqlite:///PATH"),
        ("sqlite:///", "must be sqlite:///PATH"),
        ("postgresql://user:hunter2@b:port/c", "a port that is a number"),
        ("postgresql://user:hunter2@b/c?port=here", "a port that is a number"),
        ("postgresql://user:hunter2@b:5432,d:5432/c", "one host"),
        ("postgresql://user:hunter2@[b/c", "one host"),
        ("postgresql://user:hun@ter2@b/c", "spelled with %"),
        ("postgresql://user:hun/ter2@b/c", "spelled with %"),
        ("postgresql://user:12/ter2@b/c", "spelled with %"),
        ("postgresql://user:12?ter2@b/c", "spelled with %"),
        ("postgresql://user:12#ter2@b/c", "spelled with %"),
        ("postgresql://user:hun℀ter2@b/c", "spelled with %"),
        ("postgresql://user@b/c?password:hunter2", "spelled with %"),
    ],
)
@pytest.mark.parametrize("command", [["config"], ["serve", "--port", "0"]])
def test_a_bad_address_is_one_line_without_it(
    anywhere: Command, monkeypatch: pytest.MonkeyPatch, command: list[str], address: str, says: str
) -> None:
    monkeypatch.setenv("CHRONICLE_DATABASE", address)

    refused = anywhere(*command)

    assert refused.status == 1
    assert refused.err.startswith("chronicle: CHRONICLE_DATABASE: ")
    assert refused.err.count("\n") == 1
    assert says in refused.err
    assert "ter2" not in refused.err


def test_a_bad_setting_is_named_and_its_value_is_not(
    anywhere: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONICLE_MAX_BODY", "hunter2")

    refused = anywhere("config")

    assert refused.status == 1
    assert refused.err.startswith("chronicle: CHRONICLE_MAX_BODY: ")
    assert refused.err.count("\n") == 1
    assert "hunter2" not in refused.err


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_traceback_is_shown_only_when_asked_for(
    chronicle: Command, acme: str, place: int
) -> None:
    command = ["token", "revoke", "no-such-id"]

    plain = chronicle(*command)
    asked = chronicle(*command[:place], "--debug", *command[place:])

    assert (plain.status, asked.status) == (1, 1)
    assert plain.err.count("\n") == 1
    assert "Traceback" in asked.err
    assert asked.err.endswith(plain.err)


def test_a_defect_of_ours_ends_in_one_line_without_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    app = console.application()

    @app.command()
    def fail() -> None:
        raise KeyError("hunter2")

    monkeypatch.setattr(sys, "argv", ["chronicle"])
    with pytest.raises(SystemExit) as ended:
        console.run(app)

    assert ended.value.code == 1
    assert capfd.readouterr().err == "chronicle: unexpected KeyError; --debug shows where\n"


def test_wrong_usage_ends_with_2(chronicle: Command, acme: str) -> None:
    assert chronicle("no-such-command").status == 2
    assert chronicle("portal", "add", "acme2").status == 2
    assert chronicle("portal", "add", "No Slug", "--member-id", "x").status == 2
    assert chronicle("token", "create", "--portal", "acme", "--scope", "all").status == 2
    assert chronicle("import", "x", "--portal", "acme", "--receiver", "me").status == 2


def test_what_reads_makes_no_store(chronicle: Command, fresh: Store) -> None:
    for command in (["status"], ["verify"], ["portal", "list"], ["quarantine", "retry"]):
        refused = chronicle(*command)
        assert refused.status == 1
        assert "no store" in refused.err

    assert not asyncio.run(fresh.log.exists())
    assert not asyncio.run(fresh.catalog.exists())
    assert not fresh.secret_key.exists()


def test_sizes_are_spelled_for_people() -> None:
    assert console.human_size(17) == "17 B"
    assert console.human_size(1536) == "1.5 KiB"
    assert console.human_size(5 * 2**30) == "5.0 GiB"


def test_a_table_prints_markup_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    console.show_table(["a", "b"], [["[red]x[/red]", None], [":smile:", 1234]])

    out = capfd.readouterr().out
    assert "[red]x[/red]" in out
    assert ":smile:" in out
    assert "1,234" in out


def test_typer_shows_no_locals() -> None:
    assert isinstance(console.application(), typer.Typer)
    assert console.application().pretty_exceptions_enable is False

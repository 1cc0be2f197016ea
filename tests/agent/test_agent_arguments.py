"""Flags of each command: what --help shows, and that a command accepts only the settings that it uses."""

import re

import pytest

from a3c64.arguments import COMMON, GROUPS, INSTEAD, MEANS, USES, Parser, choices
from a3c64.cli.main import groups
from a3c64.config import BadInputError, Settings, flag, variable

COMMANDS = {command.name: command for group in groups().values() for command in group}


def help_of(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        COMMANDS[command].parser().parse([option])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_tables_name_every_setting_and_command():
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(Settings.model_fields)
    assert set(USES) >= set(COMMANDS) - {"completion"}
    assert set().union(*USES.values()) == set(Settings.model_fields), "every setting is used by a command"
    for command, name in [*INSTEAD, *MEANS]:
        assert (name in USES[command]) == ((command, name) in MEANS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_short_and_help_all_is_complete(command, capsys):
    short = help_of(command, "--help", capsys)
    uses = USES.get(command, set())
    shown = set(re.findall(r"^  (--[\w-]+)", short, re.MULTILINE))
    ours = {flag(name) for name in Settings.model_fields}
    wanted = uses if len(uses) <= 15 else uses & COMMON
    assert shown & ours == {flag(name) for name in wanted}
    assert len(short.splitlines()) <= 60
    if wanted != uses:
        everything = help_of(command, "--help-all", capsys)
        shown = set(re.findall(r"^  (--[\w-]+)", everything, re.MULTILINE))
        assert shown & ours == {flag(name) for name in uses}
        for name in uses:
            assert variable(name) in everything
            for choice in choices(name):
                assert choice in everything


@pytest.mark.parametrize("command", USES)
def test_a_setting_of_another_command_is_refused_and_that_command_is_named(command):
    for name in Settings.model_fields:
        parser = Parser(command, "")
        parser.add_settings()
        if name in USES[command]:
            assert vars(parser.parse([flag(name), "1"]))[name] == "1"
            continue
        with pytest.raises(BadInputError) as error:
            parser.parse([flag(name), "1"])
        users = [one for one, uses in USES.items() if name in uses]
        assert f"{flag(name)} is a setting of `a3c64 {users[0]}`" in str(error.value)
        assert f"not of `a3c64 {command}`" in str(error.value)


def test_eval_refuses_deterministic_and_names_its_own_flags():
    with pytest.raises(BadInputError, match="--greedy or --sample"):
        COMMANDS["eval"].parser().parse(["--deterministic"])


def test_help_lists_commands_in_groups_with_one_line_each(stack):
    listed = stack.run("a3c64", "--help").stdout
    for title, commands in groups().items():
        assert f"\n{title}:\n" in listed
        for command in commands:
            assert re.search(rf"^  {command.name} +{re.escape(command.summary)}$", listed, re.MULTILINE)
    assert max(map(len, listed.splitlines())) <= 130


def test_version_prints_the_package_version(stack):
    from importlib.metadata import version

    assert stack.run("a3c64", "--version").stdout == f"a3c64 {version('a3c64')}\n"

"""`--help` of every command: what it does, its options, and an example that its parser accepts."""

import copy
import shlex

import click
import pytest
from click.testing import CliRunner

from bot.cli import main

NAMES = sorted(main.commands)


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_ends_with_an_example(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"]).output
    example = shown.rpartition("Example:\n")[2].strip()
    words = shlex.split(example.removeprefix('eval "$(').removesuffix(')"'))
    assert words[:2] == ["kexue-bot", name]
    command = copy.deepcopy(main.commands[name])
    arguments = words[2 : words.index(">") if ">" in words else None]
    files = [each for each in command.params if isinstance(each.type, click.File | click.Path)]
    for each in files:  # the example's files need not exist
        each.type = click.STRING
    assert command.make_context(name, list(arguments)).command is command


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh_CN.UTF-8", "zh"), ("C", "zh"), ("zh_TW.UTF-8", "zh-hant"), ("zh-hant", "zh-hant"), ("de_DE", "en")],
)
def test_the_language_of_the_console_is_that_of_the_terminal(locale: str, language: str) -> None:
    context = main.commands["demo"].make_context("demo", ["--language", locale])
    assert context.params["language"] == language

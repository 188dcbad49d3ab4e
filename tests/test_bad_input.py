"""Command lines that no other test gives: each is refused with its name and what to do."""

import re

import pytest

from kdlib import cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run nosuch", r"argument name: invalid choice: 'nosuch' \(choose from '?loss_bugs'?, "),
        (
            "run loss_bugs --scale quick",
            r"argument --scale: invalid choice: 'quick' \(choose from '?cpu'?, '?full'?\)",
        ),
        ("run loss_bugs --seeds x", "argument --seeds: invalid int value: 'x'"),
        ("run loss_bugs --seeds", "argument --seeds: expected at least one argument"),
        ("run", "the following arguments are required: name"),
        ("show nosuch", "argument name: invalid choice: 'nosuch'"),
        ("nosuch", "invalid choice: 'nosuch' .*data'?, '?run'?, '?show"),
    ],
)
def test_the_command_line_names_a_wrong_argument(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments.split())
    assert stopped.value.code == 2
    assert re.search(message, capsys.readouterr().err)

"""What typer says of a command line, in the words of the interface."""

import pytest
import typer
from typer.testing import CliRunner

from campaigns.cli.usage import usage_sentence

app = typer.Typer()


@app.command()
def first(name: str, count: int = typer.Option(1, "--count", min=1, max=9)) -> None: ...


@app.command()
def second() -> None: ...


def _refusal(*arguments: str) -> str:
    error = CliRunner().invoke(app, arguments, standalone_mode=False).exception
    assert isinstance(error, typer.TyperException)
    return usage_sentence(error.format_message())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("first", "a", "--count", "x"), "--count takes a whole number", id="no-number"),
        pytest.param(("first", "a", "--count", "10"), "--count takes 9 at most", id="too-many"),
        pytest.param(("first", "a", "--count", "0"), "--count takes 1 at least", id="too-few"),
        pytest.param(("first", "a", "--count"), "The option --count needs a value", id="no-value"),
        pytest.param(("first",), "The value name is missing", id="no-argument"),
        pytest.param(
            ("first", "a", "--cont", "1"), "There is no option --cont; similar ones: --count", id="near-option"
        ),
        pytest.param(("first", "a", "--zzz"), "There is no option --zzz", id="no-option"),
        pytest.param(
            ("first", "a", "b", "c"),
            "“b c” is too much: put a value of several words in quotation marks",
            id="too-many-arguments",
        ),
        pytest.param(("zzz",), "There is no command “zzz”", id="no-command"),
    ],
)
def test_the_sentences_of_typer_are_known(arguments: tuple[str, ...], sentence: str) -> None:
    assert _refusal(*arguments) == sentence


def test_sentences_of_our_own_keep_their_option() -> None:
    assert usage_sentence("Invalid value for --by: “x” is neither epci nor sector.") == (
        "Invalid value for --by: “x” is neither epci nor sector"
    )
    assert usage_sentence("Invalid value: Give one of the two.") == "Give one of the two"

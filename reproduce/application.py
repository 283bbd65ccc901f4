"""Command lines: made of functions, imported when called, an error in one line."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from reproduce.errors import UserError
from reproduce.text import printable


def run(app: Callable[..., Any], name: str | None = None) -> None:
    """Run a command line: bad input gives one line on standard error and exit code 2.

    Characters that the terminal cannot show are replaced, so that only their looks are lost. `name`
    is what the command is called; None: as it was started.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = app(prog_name=name, standalone_mode=False)
        message = "interrupted; the same command goes on from what is saved" if code == 130 else ""
    except UserError as error:
        code, message = 2, str(error)
    except typer.TyperException as error:
        code, message = 2, f"{error.format_message()} (--help shows the options)"
    except (typer.Abort, KeyboardInterrupt):
        code, message = 130, "interrupted; the same command goes on from what is saved"
    except OSError as error:
        code, message = 2, f"{error.filename or 'file'}: {error.strerror or error}"
    if message:
        print("error:", printable(" ".join(message.split())), file=sys.stderr)
        code = 2
    sys.exit(code or 0)


def application(*commands: Callable[..., Any], help: str) -> typer.Typer:
    """A typer application of these functions; a single one needs no name on the command line."""
    app = typer.Typer(help=help, add_completion=False, pretty_exceptions_enable=False)
    for command in commands:
        app.command()(command)
    return app


class Later(TyperCommand):
    """A command of which only the name and the help are there until it is called.

    Parameters
    ----------
    home : str
        `module:function`.
    help : str
        The first line of the function's docstring.
    """

    def __init__(self, home: str, help: str):
        self.module, self.function = home.split(":")
        super().__init__(self.function.replace("_", "-"), help=help)

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        found: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return found

    def make_context(self, *args: Any, **values: Any) -> Any:
        """Parse the command's arguments, as the command itself."""
        return get_command(application(self.load(), help="")).make_context(*args, **values)


def later(commands: Mapping[str, str], help: str) -> TyperGroup:
    """Make an application of commands whose modules are imported when they are called.

    Parameters
    ----------
    commands : mapping of str to str
        `module:function` to one line of help.
    help : str
        Of the application.
    """
    app = typer.Typer(name="supertrainer", help=help, pretty_exceptions_enable=False)
    app.callback()(_options)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for home, text in commands.items():
        command = Later(home, text)
        group.commands[str(command.name)] = command
    return group


def _say_version(asked: bool) -> None:
    if asked:
        from reproduce.provenance import versions

        print("supertrainer", versions()["supertrainer"])
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Say the version and exit.", callback=_say_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options of the application itself."""

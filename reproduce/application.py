"""Command lines: made of functions, imported when called, an error in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from reproduce.errors import UserError


def run(app: Callable[..., Any]) -> None:
    """Run a command line: bad input gives one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
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
        print("error:", " ".join(message.split()), file=sys.stderr)
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
    made = [Later(home, text) for home, text in commands.items()]
    return TyperGroup(name="supertrainer", help=help, commands=made, no_args_is_help=False)

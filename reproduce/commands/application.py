"""Command lines: functions become commands, imported when called; errors take one line."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from importlib import import_module
from typing import Annotated, Any, TextIO, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from reproduce.errors import UserError
from reproduce.support.processes import (
    GOES_ON,
    INTERRUPTED,
    TERMINATED,
    importing,
    leave,
    terminable,
)
from reproduce.support.redaction import Redacting, holds_secret, redacted
from reproduce.support.text import printable

CTRL_C = 130  # what typer returns of a command that was interrupted


def run(app: Callable[..., Any], name: str | None = None) -> None:
    """Run a command line and exit. Bad input gives one line on standard error and exit code 2.

    Characters that the terminal cannot show are replaced. Secrets in the arguments, such as a
    password in an address, appear neither in messages nor in logs of libraries. SIGTERM ends the
    command as Ctrl-C does, with exit code 143.

    Parameters
    ----------
    app : callable
        The application of typer.
    name : str or None
        The command's name in help texts; None takes the name of the program.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    secrets = [argument for argument in sys.argv if holds_secret(argument)]
    shown = cast(TextIO, Redacting(sys.stderr, secrets)) if secrets else sys.stderr
    with redirect_stderr(shown):
        code, message = _ended(app, name, bool(secrets))
        if message:
            print("error:", printable(" ".join(redacted(message).split())), file=sys.stderr)
    leave(code)


def _ended(app: Callable[..., Any], name: str | None, secretive: bool) -> tuple[int, str]:
    """Run the command; return its exit code and the message about its end."""
    with terminable() as came:
        try:
            code = app(prog_name=name, standalone_mode=False)
            if code != CTRL_C:
                return code or 0, ""
        except UserError as error:
            return 2, str(error)
        except typer.TyperException as error:
            return 2, f"{error.format_message()} (--help shows the options)"
        except OSError as error:
            return 2, f"{error.filename or 'file'}: {error.strerror or error}"
        except (typer.Abort, KeyboardInterrupt):
            pass
        except Exception as error:
            if not _interrupted(error):
                if not secretive:
                    raise
                traceback.print_exc()  # here, where standard error shows no secrets
                return 1, ""
    if signal.SIGTERM in came:
        return TERMINATED, f"terminated; {GOES_ON}"
    return INTERRUPTED, f"interrupted; {GOES_ON}"


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error comes of an interruption, which compiled code makes a SystemError of."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def application(*commands: Callable[..., Any], help: str) -> typer.Typer:
    """Make a typer application of functions; a single function needs no name to be called."""
    app = typer.Typer(help=help, add_completion=False, pretty_exceptions_enable=False)
    for command in commands:
        app.command()(command)
    return app


class Later(TyperCommand):
    """A command whose module is imported when it is called; until then it has a name and help.

    Parameters
    ----------
    home : str
        `module:function`.
    help : str
        The first line of the docstring of the function.
    """

    def __init__(self, home: str, help: str):
        self.module, self.function = home.split(":")
        # `import_`: a word of Python's own is no name of a function.
        super().__init__(self.function.rstrip("_").replace("_", "-"), help=help)

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        with importing():
            found: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return found

    def make_context(self, *args: Any, **values: Any) -> Any:
        """Parse the arguments with the command itself."""
        return get_command(application(self.load(), help="")).make_context(*args, **values)


def later(commands: Mapping[str, str], help: str) -> TyperGroup:
    """Make an application of commands that are imported when they are called.

    Parameters
    ----------
    commands : mapping of str to str
        One line of help for each `module:function`.
    help : str
        Help of the application.
    """
    app = typer.Typer(name="supertrainer", help=help, pretty_exceptions_enable=False)
    app.callback()(_options)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for home, text in commands.items():
        command = Later(home, text)
        group.commands[str(command.name)] = command
    return group


def _print_version(wanted: bool) -> None:
    if wanted:
        from reproduce.support.provenance import versions

        print("supertrainer", versions()["supertrainer"])
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options of the application itself."""

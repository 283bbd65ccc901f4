"""The one exception that means: the input is wrong, and here is what to do."""


class UserError(Exception):
    """Bad input. The message is one line that says what is wrong and what to do about it.

    The command line prints the message and exits with code 2; Python callers can catch it.
    """

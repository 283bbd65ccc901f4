"""C14: no password in what is recorded and shown."""

import io
import shlex
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce.support.redaction import HIDDEN, Redacting, holds_secret, redacted

# Long enough, and of letters that no message has, so that it stands there only when it leaks.
SECRETS = st.builds(
    "Zq{}Xj{}".format,
    st.text(string.ascii_letters + string.digits + "@:/?#&=%+!$*()[]{}' \"\\;,é", max_size=20),
    st.text("QZXJ0123456789", min_size=3, max_size=8),
)
ADDRESSES = (
    "postgresql://user:{}@host:5432/db",
    "postgresql+psycopg://:{}@host/db?sslmode=require",
    "grpc://user:{}@host:13000",
    "mysql://us%40er:{}@[::1]/db",
    "https://{}@host",
    "user:{}@host/db",
)
SETTINGS = ("postgresql://host/db?password={}&sslpassword={}", "mysql://h/db?passwd={}")


def leaks(text: str, secret: str) -> bool:
    return any(form in text for form in (secret, quote(secret), quote(secret, safe="")))


@pytest.mark.fuzz
@given(secret=SECRETS, address=st.sampled_from(ADDRESSES))
def test_no_password_of_an_address_on_a_command_line(secret: str, address: str) -> None:
    for form in (secret, quote(secret, safe="")):
        given = address.format(form)
        assert holds_secret(given)
        shown = redacted(given, given)
        assert not leaks(shown, secret)
        assert "Xj" not in shown


@pytest.mark.fuzz
@given(secret=SECRETS, address=st.sampled_from(ADDRESSES))
def test_no_password_in_an_error_about_an_address(secret: str, address: str) -> None:
    given = address.format(secret)
    messages = (
        f"cannot open {given}: nobody answers",
        f"invalid literal for int() with base 10: {given.split(':', 2)[-1]!r}",
        f'could not translate host name "{given.split("@", 1)[-1]}" to address',
        f"in {shlex.quote(given)}, password {secret!r}, {quote(secret)}",
    )
    for message in messages:
        assert not leaks(redacted(message, given), secret)


@pytest.mark.fuzz
@given(
    secret=st.text("QZXJ" + string.digits + "@:/%", min_size=6, max_size=20),
    address=st.sampled_from(SETTINGS),
)
def test_no_password_among_the_settings_of_an_address(secret: str, address: str) -> None:
    for form in (secret, quote(secret, safe="")):
        text = f"cannot open {address.format(form, form)} now"
        assert not leaks(redacted(text), secret)
        assert redacted(text).startswith("cannot open ")


@pytest.mark.parametrize(
    "address",
    [
        "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Du%3BPWD%3DZq7Xj%3B",
        "mssql+pyodbc:///?odbc_connect=DRIVER=x;PWD=Zq7Xj;",
        "postgresql://h/db?options=-c%20password%3DZq7Xj",
        "mysql://h/db?pw=Zq7Xj&access_key=Zq7Xj&authkey=Zq7Xj&auth=Zq7Xj",
        "host=h password='Zq7Xj' dbname=x",
        "postgresql://user:Zq7Xj",
        "postgresql://user:Zq7Xj/db",
    ],
)
def test_no_password_in_a_setting_inside_another_or_in_place_of_a_port(address: str) -> None:
    for text in (redacted(address), redacted(address, address), redacted("bad Zq7Xj!", address)):
        assert "Zq7Xj" not in text
    assert holds_secret(address)


def test_what_holds_no_secret_is_left_alone() -> None:
    for text in (
        "postgresql://host:5432/db",
        "grpc://host:13000",
        "give grpc://host:port; the proxy takes no user",
        "sqlite:///runs/study.db?timeout=5",
        "http://[::1]:5000/a",
        "cannot write /home/me/runs/x.npz: no space; free space or name another place",
        "accuracy = 12.5, seed=3, 10:30:00, C:\\data",
    ):
        assert redacted(text) == text
        assert not holds_secret(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h/db", "postgresql://***@h/db"),
        ("grpc://u:p@ss@h:1", "grpc://***@h:1"),
        ("at postgresql://me@h/db.", "at postgresql://***@h/db."),
        ("?%70assword=p&a=1", "?%70assword=***&a=1"),
        ("host=h password='a b' user=u", "host=h password=*** user=u"),
    ],
)
def test_the_rest_of_an_address_is_kept(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected


def test_a_stream_passes_on_no_secret() -> None:
    beneath = io.StringIO()
    stream = Redacting(beneath, ["--storage=postgresql://u:geheim@h/db"])
    print("password geheim at postgresql://u:geheim@h/db", file=stream)
    stream.writelines(["geheim\n"])
    assert beneath.getvalue() == f"password {HIDDEN} at postgresql://{HIDDEN}@h/db\n{HIDDEN}\n"

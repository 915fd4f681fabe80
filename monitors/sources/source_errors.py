"""Errors of reading a window of data, each with a sentence that a user understands."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pyarrow as pa

from algorithms.errors import RetypedColumn, UnusableColumn


class SourceError(Exception):
    """A window of data could not be read.

    Attributes:
        reason: One or two sentences for the user: no traceback, and no server path beyond the URI
            that the user gave.
        is_transient: True if a later try may help.
    """

    is_transient: ClassVar[bool] = False

    def __init__(self, reason: str) -> None:
        # A file name that is not UTF-8 arrives with lone surrogates. Neither JSON nor the database
        # can hold them.
        self.reason = reason.encode(errors="replace").decode()
        super().__init__(self.reason)


class ForbiddenUri(SourceError):
    """The URI is malformed or outside the tenant's roots; the error hides if a file exists."""


class SourceNotFound(SourceError):
    """Nothing is there: no file, an empty folder, or a pattern without a match."""


class UnreadableSource(SourceError):
    """A file is there but is damaged, of an unknown format, or closed to the service."""


class IncompleteSource(UnreadableSource):
    """A file that a writer has begun and not finished; worth a retry."""

    is_transient = True


class SourceUnavailable(SourceError):
    """The object store does not answer or refuses the credentials; worth a retry."""

    is_transient = True


class UnusableConnection(SourceError):
    """The tenant's connection for the place was removed, or the operator no longer offers what it names."""


class SchemaMismatch(SourceError):
    """The files disagree about a column, or the timestamp column is missing or unusable."""


class ColumnMismatch(SchemaMismatch, UnusableColumn):
    """One column cannot be read; the others of the window can."""


class ColumnRetyped(ColumnMismatch, RetypedColumn):
    """A column of text holds words where its reference holds values of another type."""


class RetypedReason(str):
    """The reason against a column that is retyped; other reasons are plain text."""

    __slots__ = ()


class WindowTooLarge(SourceError):
    """The window needs more memory than the policy allows."""


class SourceTooLarge(SourceError):
    """The data have more columns, files or row groups than the policy allows."""


class SourceChanged(SourceError):
    """A file has changed since the window was opened or divided."""


class LeadsOutside(OSError):
    """A link that leads out of the allowed roots."""


class NotRegular(OSError):
    """A folder, a pipe, a socket or a device where a regular file must be."""


class InvalidInlineData(SourceError):
    """Columns sent inline are not equally long lists of scalars of one kind."""


PYARROW_ERRORS = (pa.ArrowException, OSError, UnicodeError)

_STORE = re.compile(
    r"(AWS|Azure) Error|curlCode|google::cloud::|Azure::|core\.windows\.net", re.IGNORECASE
)
_NO_BUCKET = re.compile(r"NO_SUCH_BUCKET|NoSuchBucket|ContainerNotFound", re.IGNORECASE)
_CREDENTIALS = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN|EXPIRED_TOKEN"
    r"|UNRECOGNIZED_CLIENT|MISSING_AUTHENTICATION|HTTP status 40[13]|PERMISSION_DENIED"
    r"|UNAUTHENTICATED|access token|Authenticat|Authoriz"
)
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
_HINTS = (
    (re.compile(r"Empty CSV file|size is 0 bytes|too small: 0"), "the file is empty"),
    (
        re.compile(r"invalid UTF-?8|codec can't decode", re.IGNORECASE),
        "it is not UTF-8 text, or not text of the encoding named",
    ),
    (re.compile(r"multiple columns named"), "two columns have the same name"),
)
_CUT_SHORT = re.compile(r"Truncated compressed stream")
_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], type[SourceError], str], ...] = (
    (
        (LeadsOutside,),
        ForbiddenUri,
        "‘{}’ leads outside the folders that this tenant may read.",
    ),
    ((NotRegular,), UnreadableSource, "‘{}’ is not a regular file."),
    ((FileNotFoundError, NotADirectoryError), SourceNotFound, "There is nothing at ‘{}’."),
    ((PermissionError,), UnreadableSource, "The service has no permission to read ‘{}’."),
    (
        (pa.ArrowMemoryError,),
        WindowTooLarge,
        "Reading ‘{}’ needs more memory than the service has.",
    ),
)
_NETWORK_MOUNT = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN})


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn each error of pyarrow or the operating system in the block into a `SourceError`.

    Args:
        name: The URI, or the file's path relative to it. The sentence contains no other location.
    """
    try:
        yield
    except PYARROW_ERRORS as error:
        raise to_source_error(error, name) from error


def to_source_error(error: BaseException, name: str) -> SourceError:
    """The `SourceError` that explains an error about `name`."""
    text = str(error)
    if _STORE.search(text) and not isinstance(error, pa.ArrowInvalid):
        return _store_error(text, name)
    for kinds, source_error, sentence in _SENTENCES:
        if isinstance(error, kinds):
            return source_error(sentence.format(name))
    if isinstance(error, OSError) and error.errno in _NETWORK_MOUNT:
        return SourceUnavailable(f"The disk that holds ‘{name}’ does not answer.")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return UnreadableSource(
            f"‘{name}’ cannot be read: its links lead in a circle, or change while it is read."
        )
    if _CUT_SHORT.search(text):
        return incomplete(name)
    return UnreadableSource(f"‘{name}’ cannot be read: {_hint(text)}.")


def incomplete(name: str) -> IncompleteSource:
    """The error about a file that a writer has not finished."""
    return IncompleteSource(
        f"‘{name}’ cannot be read: it is cut short, as a file is that is still being written."
    )


def _store_error(text: str, name: str) -> SourceError:
    if _NO_BUCKET.search(text):
        return SourceNotFound(f"The bucket of ‘{name}’ does not exist.")
    if _CREDENTIALS.search(text):
        return SourceUnavailable(f"The object store refused the credentials for ‘{name}’.")
    return SourceUnavailable(f"The object store did not answer when reading ‘{name}’.")


def _hint(text: str) -> str:
    if ragged := _RAGGED.search(text):
        return _ragged_hint(*ragged.groups())
    hints = (hint for pattern, hint in _HINTS if pattern.search(text))
    return next(hints, "it is damaged, cut short, or not in the format that its extension says")


def _ragged_hint(row: str | None, expected: str, got: str) -> str:
    where = f"row {row}" if row else "a row"
    return f"{where} has {got} values where {expected} are expected"

"""The sizes of the attacks: in full, and short for the tests."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Form:
    """The numbers of one form.

    Attributes:
        sockets: Connections of an attack that holds them open.
        seconds: How long such an attack lasts.
        clients: Threads that send requests at once.
        rounds: Repetitions of what is done again and again.
        rows: Rows of the large honest file.
        columns: Columns of the wide file.
        row_groups: Row groups of the cut-up file.
        upload_megabytes: Bytes of the upload.
        hostile: Names of hostile files; none for all.
        load_clients: Clients of the load at the end.
        load_seconds: How long the load lasts.
    """

    sockets: int = 200
    seconds: int = 30
    clients: int = 16
    rounds: int = 3
    rows: int = 20_000_000
    columns: int = 100_000
    row_groups: int = 40_000
    upload_megabytes: int = 300
    hostile: tuple[str, ...] = ()
    load_clients: int = 200
    load_seconds: int = 300


FULL = Form()
SHORT = Form(
    sockets=60,
    seconds=8,
    rounds=1,
    rows=2_000_000,
    columns=5_000,
    row_groups=2_000,
    upload_megabytes=60,
    hostile=("parquet_constant_texts", "arrow_zstd_zeros", "parquet_many_columns", "pipe"),
    load_clients=50,
    load_seconds=15,
)

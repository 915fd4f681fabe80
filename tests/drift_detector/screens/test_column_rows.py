"""The table of columns says what is chosen, also of data with more columns than it shows."""

from typing import Any

from django.http import QueryDict

from drift_detector.screens.wizard.column_rows import MOST_SHOWN, choice_of_form, column_rows
from drift_detector.screens.wizard.guesses import guess

FLAGS = dict.fromkeys(("is_time", "is_unique", "is_index", "is_in_folders"), False)


def sample(count: int) -> dict[str, Any]:
    columns = [
        {"name": f"c{number}", "kind": "numeric", "type": "int64", "null_rate": 0.0, "reason": "",
         "values": ["1"], **FLAGS}
        for number in range(count)
    ]  # fmt: skip
    return {"place": "/data/wide.parquet", "columns": columns, "spans": {}}


def form(**fields: Any) -> QueryDict:
    sent = QueryDict(mutable=True)
    for name, values in fields.items():
        sent.setlist(name, values)
    return sent


def test_choice__others_ticked__takes_the_columns_without_a_row() -> None:
    data = sample(MOST_SHOWN + 3)
    sent = form(features=["c0"], others=["1"])
    choice = choice_of_form(sent, data, guess(data))
    assert choice.features == ["c0", *(f"c{MOST_SHOWN + number}" for number in range(3))]
    assert len(column_rows(data, guess(data), choice)) == MOST_SHOWN


def test_choice__others_not_ticked__leaves_them() -> None:
    data = sample(MOST_SHOWN + 3)
    assert choice_of_form(form(features=["c1"]), data, guess(data)).features == ["c1"]


def test_choice__kind_and_sensitive__count_for_ticked_columns_alone() -> None:
    data = sample(3)
    sent = form(features=["c0", "c1", "strange"], sensitive=["c1", "c2"])
    sent["kind-0"], sent["kind-1"], sent["kind-2"] = "categorical", "numeric", "categorical"
    choice = choice_of_form(sent, data, guess(data))
    assert (choice.features, choice.sensitive) == (["c0", "c1"], {"c1"})
    assert choice.kinds == {"c0": "categorical"}

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rest_framework.test import APIClient

from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector
from detections.models import DetectionRun, DetectorState, OutcomeStream, PendingOutcome
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.factories import make_monitor

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def monitor(tenant: Tenant) -> Monitor:
    with tenant_scope(tenant.id):
        return make_monitor(name="Churn")


def url(monitor: Monitor, query: str = "") -> str:
    return f"/api/v1/monitors/{monitor.id}/outcomes{query}"


def errors(*rates: float, each: int = 1000, seed: int = 0) -> list[int]:
    random = np.random.default_rng(seed)
    return [int(value) for rate in rates for value in random.random(each) < rate]


def timed(values: list[int], start: int = 0) -> list[dict[str, Any]]:
    return [
        {"occurred_at": (START + timedelta(minutes=start + place)).isoformat(), "error": value}
        for place, value in enumerate(values)
    ]


def arrow(columns: dict[str, Any], compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    table = pa.table(columns)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def post_bytes(api: APIClient, path: str, body: bytes, content_type: str) -> Any:
    return api.post(path, body, content_type=content_type)


def test_post_outcomes__whole_ones__are_numbered_in_order(api: APIClient, monitor: Monitor) -> None:
    whole = [{"prediction": 1, "label": 1}, {"prediction": 0, "label": 1}, {"error": 0.0}]
    first = api.post(url(monitor), {"batch_id": "a", "outcomes": whole}).json()
    assert (first["first_sequence"], first["last_sequence"], first["outcomes"]) == (1, 3, 3)
    second = api.post(url(monitor), {"batch_id": "b", "outcomes": whole[:1]}).json()
    assert (second["first_sequence"], second["last_sequence"]) == (4, 4)


def test_post_outcomes__same_batch_again__counts_once(
    api: APIClient, monitor: Monitor, tenant: Tenant
) -> None:
    body = {"batch_id": "a", "outcomes": timed(errors(0.5, each=50))}
    first, again = api.post(url(monitor), body).json(), api.post(url(monitor), body).json()
    assert again == first | {"is_repeat": True}
    with tenant_scope(tenant.id):
        assert OutcomeStream.objects.get().sequence == 50
        assert set(DetectorState.objects.values_list("observations", flat=True)) == {50}


def test_post_outcomes__json_ndjson_arrow_and_columns__are_the_same(
    api: APIClient, monitor: Monitor
) -> None:
    predictions, labels = ["no", "yes", "no"], ["no", "no", "no"]
    records = [{"prediction": p, "label": y} for p, y in zip(predictions, labels, strict=True)]
    lines = "\n".join(map(json.dumps, records)).encode()
    columns = {"prediction": predictions, "label": labels}
    api.post(url(monitor, "?stream=json"), records, format="json")
    api.post(url(monitor, "?stream=columns"), {"outcomes": columns}, format="json")
    post_bytes(api, url(monitor, "?stream=lines"), lines, "application/x-ndjson")
    arrow_type = "application/vnd.apache.arrow.stream"
    post_bytes(api, url(monitor, "?stream=arrow"), arrow(columns), arrow_type)
    with tenant_scope(monitor.tenant_id):
        states = {
            (s.stream.name, s.method): s.state
            for s in DetectorState.objects.select_related("stream")
        }
    assert len(states) == 8
    assert (
        len({json.dumps(state) for (_, method), state in states.items() if method == "adwin"}) == 1
    )
    assert states["json", "adwin"]["total"] == 1


def test_post_outcomes__halves_apart__join_when_the_label_comes(
    api: APIClient, monitor: Monitor
) -> None:
    asked = api.post(
        url(monitor), [{"prediction_id": f"p{n}", "prediction": n % 2} for n in range(4)]
    ).json()
    assert (asked["outcomes"], asked["waiting"], asked["first_sequence"]) == (0, 4, None)
    told = api.post(
        url(monitor), [{"prediction_id": "p3", "label": 0}, {"prediction_id": "p0", "label": 0}]
    ).json()
    assert (told["outcomes"], told["waiting"], told["last_sequence"]) == (2, 0, 2)
    with tenant_scope(monitor.tenant_id):
        waiting = PendingOutcome.objects.filter(is_joined=False)
        assert set(waiting.values_list("prediction_id", flat=True)) == {"p1", "p2"}
        assert DetectorState.objects.get(method="adwin").state["buckets"] == [
            [1.0, 0.0]
        ]  # p3 first, and wrong


def test_post_outcomes__label_before_prediction_and_both_in_one_batch__join_too(
    api: APIClient, monitor: Monitor
) -> None:
    api.post(url(monitor), [{"prediction_id": "a", "label": "x"}])
    body = [
        {"prediction_id": "b", "prediction": "x"},
        {"prediction_id": "a", "prediction": "x"},
        {"error": 1},
    ]
    told = api.post(url(monitor), [*body, {"prediction_id": "b", "label": "y"}]).json()
    assert (told["outcomes"], told["waiting"]) == (3, 0)
    with tenant_scope(monitor.tenant_id):
        assert DetectorState.objects.get(method="adwin").state["buckets"] == [[0.0, 1.0, 1.0]]


def test_post_outcomes__error_rate_rises__is_a_run_a_detection_an_alert_and_events(
    api: APIClient, monitor: Monitor
) -> None:
    told = api.post(url(monitor), timed(errors(0.1, 0.5))).json()
    signal = told["signals"][0]
    assert signal["changed_at"] == pytest.approx(1001, abs=60)
    detection = api.get(f"/api/v1/detections?monitor={monitor.id}").json()["results"][-1]
    assert (detection["detection_type"], detection["method"], detection["is_drifted"]) == (
        "concept",
        "adwin",
        True,
    )
    detail = api.get(f"/api/v1/detections/{detection['id']}").json()["details"][0]
    assert detail["explanation"]["error_rate_before"] == pytest.approx(
        np.mean(errors(0.1)), abs=0.02
    )
    changed_at = datetime.fromisoformat(detail["explanation"]["change_point"]["occurred_at"])
    assert changed_at == START + timedelta(minutes=signal["changed_at"] - 1)
    alert = api.get("/api/v1/alerts").json()["results"][0]
    assert (alert["kind"], alert["status"], alert["severity"]) == ("concept", "open", "critical")
    with tenant_scope(monitor.tenant_id):
        topics = list(OutboxEvent.objects.order_by("id").values_list("topic", flat=True))
        assert DetectionRun.objects.filter(trigger="outcomes", verdict="drift").count() == len(
            told["signals"]
        )
    assert topics[:3] == ["drift.detected", "drift.alert_raised", "drift.retraining_required"]


def test_post_outcomes__change_point_in_an_earlier_batch__has_its_time(
    api: APIClient, monitor: Monitor
) -> None:
    stream = errors(0.1, 0.5)
    told = [
        api.post(url(monitor), timed(stream[at : at + 100], at)).json()
        for at in range(0, 2000, 100)
    ]
    signal = next(signal for each in told for signal in each["signals"])
    detections = api.get(f"/api/v1/detections?monitor={monitor.id}").json()["results"]
    detail = api.get(f"/api/v1/detections/{detections[-1]['id']}").json()["details"][0]
    expected = START + timedelta(minutes=signal["changed_at"] - 1)
    assert datetime.fromisoformat(detail["explanation"]["change_point"]["occurred_at"]) == expected


def test_post_outcomes__errors_become_rare_again__end_the_episode(
    api: APIClient, monitor: Monitor
) -> None:
    api.post(url(monitor), timed(errors(0.1, 0.6)))
    api.post(url(monitor), timed(errors(0.02, each=4000), 2000))
    alert = api.get("/api/v1/alerts").json()["results"][0]
    assert (alert["kind"], alert["status"]) == ("concept", "resolved")


def test_post_outcomes__in_many_batches__leave_the_state_of_one(
    api: APIClient, monitor: Monitor
) -> None:
    stream = errors(0.2, 0.3, each=300)
    for at in range(0, 600, 77):
        api.post(url(monitor), [{"error": value} for value in stream[at : at + 77]])
    with tenant_scope(monitor.tenant_id):
        for state in DetectorState.objects.all():
            unbroken = new_detector(ConceptMethod(state.method))
            unbroken.update_many(stream)
            assert state.state == unbroken.as_json()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([{"prediction": 1}], "outcome 0 needs a prediction and a label"),
        ([{"error": 2}], "needs an error_scale"),
        (
            [{"prediction_id": "p", "label": 1}, {"error": 0}, {"error": -2}],
            "the error of outcome 2 is 2",
        ),
        ([{"error": "high"}], "error of outcome 0 is 'high'; it must be a number"),
        ([{"error": 1}, 5], "Outcome 1 is not an object"),
        ([{"prediction": 1, "label": "1"}], "both numbers, or both text"),
        (
            [{"prediction": [1], "label": [1]}],
            "prediction of outcome 0 is [1]; it must be a number, text",
        ),
        (
            [{"prediction": 1, "label": {"a": 1}}],
            "label of outcome 0 is {'a': 1}; it must be a number, text",
        ),
        (
            [{"error": 1}, {"error": "x"}],
            "error of outcome 1 is 'x'; it must be a number, as those before it",
        ),
        (
            [{"prediction": "a", "label": "b"}, {"prediction": 1, "label": "b"}],
            "prediction of outcome 1 is 1;",
        ),
        ([{"error": 1, "lable": 0}], "no field 'lable'; the nearest is 'label'"),
        ([{"error": 1}, {"error": 10**400}], "a number that a 64-bit float can hold"),
        (
            [{"error": 1, "score": 0.5}, {"error": 1, "score": 1.0000001}],
            "score of outcome 1 is 1.0000001; it must be",
        ),
        (
            [{"error": 1, "score": -0.1}],
            "score of outcome 0 is -0.1; it must be a number from 0 to 1",
        ),
        ([{"error": 1, "occurred_at": "2024-02-03T10:00:00"}], "this one has no time zone"),
        (
            [{"error": 1, "occurred_at": "2024-02-03"}],
            "occurred_at of outcome 0 is '2024-02-03'; it must be a time",
        ),
        (
            [{"error": 1, "occurred_at": 1700000000}],
            "occurred_at of outcome 0 is 1700000000; it must be a time",
        ),
        (
            [{"prediction_id": 1.5, "label": 1}],
            "prediction_id of outcome 0 is 1.5; it must be text or a whole number",
        ),
        (
            [{"prediction": 2**60, "label": 1}],
            "prediction of outcome 0 is 1152921504606846976; it must be text if",
        ),
        (
            [{"prediction": 1, "label": 1}, {"prediction": 1.5, "label": 2**53 + 1}],
            "label of outcome 1 is 9007199254",
        ),
        ([{"prediction": 10**30, "label": 0}], "whole numbers beyond 2**53"),
        (
            {"outcomes": {"prediction": [1.5, 2**60 + 1], "label": [1, 1]}},
            "prediction of outcome 1 is 11529215046",
        ),
        ({"batch": "x", "outcomes": [{"error": 1}]}, "no field 'batch'; the nearest is 'batch_id'"),
        (
            {"batch_id": "x", "outcome": [{"error": 1}]},
            "no field 'outcome'; the nearest is 'outcomes'",
        ),
        ({"batch_id": "x"}, "outcomes is missing"),
        ([{"error": 1, "occurred_at": "9999-12-31T23:59:59-05:00"}], "after 9999"),
        ([{"error": 1, "occurred_at": "0000-01-01T00:00:00Z"}], "before the year 1"),
        ({"batch_id": "a\x00", "outcomes": [{"error": 1}]}, "batch_id is text"),
        ({"batch_id": 5, "outcomes": [{"error": 1}]}, "batch_id is text"),
        (
            {"stream": "data", "outcomes": [{"error": 1}]},
            "takes the rows of the monitor's data",
        ),
        ([{"colour": 1}], "no field 'colour'; known are error, label"),
        ([{"error": 1, "occurred_at": "noon"}], "noon"),
        ([{"prediction_id": "x" * 201, "prediction": 1}], "at most 200 characters"),
        (
            [{"prediction": 1, "label": 1, "score": "\x00"}],
            "score of outcome 0 is '\\x00'; it must be a number",
        ),
        ([{"prediction_id": "a\x00", "label": 1}], "NUL"),
        ({"outcomes": {"error": [1], "label": [1, 2]}}, "‘label’ has 2 values but ‘error’ has 1"),
        ({"outcomes": 5}, "an array of objects"),
    ],
)
def test_post_outcomes__bad_ones__are_refused_with_the_reason(
    api: APIClient, monitor: Monitor, body: Any, reason: str
) -> None:
    answer = api.post(url(monitor), body)
    assert answer.status_code == 400
    assert reason.lower() in answer.json()["detail"].lower()
    with tenant_scope(monitor.tenant_id):
        assert not OutcomeStream.objects.exists()


def test_post_outcomes__deep_nesting__is_refused_and_no_crash(
    api: APIClient, monitor: Monitor
) -> None:
    body = b'[{"error": ' + b"[" * 9000 + b"]" * 9000 + b"}]"
    assert post_bytes(api, url(monitor), body, "application/json").status_code == 400
    assert post_bytes(api, url(monitor), body[1:-1], "application/x-ndjson").status_code == 400


@pytest.mark.parametrize("name", ["stream", "batch_id"])
def test_post_outcomes__names_that_are_no_text__are_refused(
    api: APIClient, monitor: Monitor, name: str
) -> None:
    body = b'{"%s": "\\ud800", "outcomes": [{"error": 1}]}' % name.encode()
    assert post_bytes(api, url(monitor), body, "application/json").status_code == 400


def test_post_outcomes__many_names__are_refused_at_once(api: APIClient, monitor: Monitor) -> None:
    body = [{f"a{number}": 1} for number in range(50_000)]
    answer = api.post(url(monitor), body, format="json")
    assert (answer.status_code, len(answer.json()["detail"]) < 500) == (400, True)


def test_post_outcomes__half_that_comes_again__counts_no_more(
    api: APIClient, monitor: Monitor, tenant: Tenant
) -> None:
    halves = [{"prediction_id": "p", "prediction": 1}, {"prediction_id": "p", "label": 0}]
    whole = {"prediction_id": "p", "prediction": 1, "label": 0}
    assert api.post(url(monitor), [*halves, *halves]).json()["outcomes"] == 1
    assert [api.post(url(monitor), [half]).json()["outcomes"] for half in (*halves, whole)] == [
        0,
        0,
        0,
    ]
    with tenant_scope(tenant.id):
        assert OutcomeStream.objects.get().sequence == 1


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"label": 0}, {"label": 1}, "came before with the label 0.0, now it has 1.0"),
        (
            {"prediction": "a"},
            {"prediction": "b"},
            "came before with the prediction 'a', now it has 'b'",
        ),
        ({"prediction": 1, "score": 0.5}, {"prediction": 1, "score": 0.6}, "the score 0.5"),
        ({"prediction": 1}, {"prediction": 0, "label": 0}, "the prediction 1.0, now it has 0.0"),
        ({"label": 1}, {"label": "1"}, "the label 1.0, now it has '1'"),
    ],
)
def test_post_outcomes__prediction_id_with_other_content__is_409(
    api: APIClient, monitor: Monitor, first: dict[str, Any], second: dict[str, Any], said: str
) -> None:
    named = {"prediction_id": "p"}
    assert api.post(url(monitor), [named | first]).status_code == 200
    answer = api.post(url(monitor), [{"error": 1}, named | second], format="json")
    assert (answer.status_code, said in answer.json()["detail"]) == (409, True)
    assert api.post(url(monitor), [named | first]).status_code == 200
    with tenant_scope(monitor.tenant_id):
        assert OutcomeStream.objects.get().sequence == 0


def test_post_outcomes__other_label_after_a_whole_one__is_409(
    api: APIClient, monitor: Monitor
) -> None:
    halves = [
        {"prediction_id": "p", "prediction": 1},
        {"prediction_id": "p", "prediction": 1, "label": 0},
    ]
    assert [api.post(url(monitor), [half]).status_code for half in halves] == [200, 200]
    assert api.post(url(monitor), [{"prediction_id": "p", "label": 1}]).status_code == 409
    assert api.post(url(monitor), [{"prediction_id": "p", "label": 0}]).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        [{"prediction_id": "p", "label": 1}],
        [{"prediction": 1, "label": 1}, {"prediction_id": "p", "label": 1}],
        [
            {"prediction_id": "q", "prediction": 1},
            {"prediction_id": "q", "label": 1},
            {"prediction_id": "p", "label": 1},
        ],
    ],
)
def test_post_outcomes__text_joined_with_numbers__is_refused_in_our_words(
    api: APIClient, monitor: Monitor, body: list[dict[str, Any]]
) -> None:
    api.post(url(monitor), [{"prediction_id": "p", "prediction": "a"}])
    answer = api.post(url(monitor), body, format="json")
    assert (answer.status_code, "all numbers, or all text" in answer.json()["detail"]) == (
        400,
        True,
    )


def test_post_outcomes__other_batch_id_in_query_and_body__is_refused(
    api: APIClient, monitor: Monitor
) -> None:
    body = {"batch_id": "a", "outcomes": [{"error": 1}]}
    assert api.post(url(monitor, "?batch_id=b"), body).status_code == 400
    assert api.post(url(monitor, "?batch_id=a"), body).json()["batch_id"] == "a"


def test_post_outcomes__whole_one_after_its_half__takes_its_place(
    api: APIClient, monitor: Monitor
) -> None:
    api.post(url(monitor), [{"prediction_id": "p", "prediction": 1}])
    whole = {"prediction_id": "p", "prediction": 1, "label": 0}
    assert api.post(url(monitor), [whole]).json()["outcomes"] == 1
    assert api.post(url(monitor), [{"prediction_id": "p", "label": 0}]).json()["outcomes"] == 0


def test_post_outcomes__settings_that_see_drift_everywhere__record_the_newest(
    api: APIClient, tenant: Tenant
) -> None:
    with tenant_scope(tenant.id):
        chosen = {"page_hinkley": {"threshold": 1e-9, "min_instances": 1}}
        monitor = make_monitor(concept_methods=["page_hinkley"], detector_settings=chosen)
    told = api.post(url(monitor), {"outcomes": {"error": [0, 1] * 2000}}, format="json").json()
    assert len(told["signals"]) > 20
    with tenant_scope(tenant.id):
        assert DetectionRun.objects.filter(trigger="outcomes").count() == 20


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"not arrow", "vnd.apache.arrow.stream"),
        (b'{"error": 1}\n{"error', "x-ndjson"),
        (b"\xff\n", "x-ndjson"),
        (b"\n \n", "x-ndjson"),
    ],
)
def test_post_outcomes__unreadable_bytes__are_refused(
    api: APIClient, monitor: Monitor, body: bytes, kind: str
) -> None:
    assert post_bytes(api, url(monitor), body, f"application/{kind}").status_code == 400


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("is_dictionary", [True, False])
def test_post_outcomes__compressed_arrow__is_refused_unread(
    api: APIClient, monitor: Monitor, codec: str, is_dictionary: bool
) -> None:
    column = pa.array(["a", "b"] * 50_000)
    column = column.dictionary_encode() if is_dictionary else column
    body = arrow({"prediction": column, "label": column}, compression=codec)
    answer = post_bytes(api, url(monitor), body, "application/vnd.apache.arrow.stream")
    assert (answer.status_code, "uncompressed" in answer.json()["detail"]) == (400, True)


def test_post_outcomes__dictionary_that_would_unpack_to_gigabytes__is_refused(
    api: APIClient, monitor: Monitor
) -> None:
    long = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(200_000, np.int8)), pa.array(["x" * 100_000])
    )
    body = arrow({"prediction": long, "label": long})
    answer = post_bytes(api, url(monitor), body, "application/vnd.apache.arrow.stream")
    assert (answer.status_code, "its dictionary unpacked" in answer.json()["detail"]) == (400, True)


def test_post_outcomes__dictionaries__are_text(api: APIClient, monitor: Monitor) -> None:
    prediction, label = (
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array(["a", "a"]).dictionary_encode(),
    )
    body = arrow({"prediction": prediction, "label": label})
    assert (
        post_bytes(api, url(monitor), body, "application/vnd.apache.arrow.stream").json()[
            "outcomes"
        ]
        == 2
    )


def test_post_outcomes__one_bad_row__takes_nothing(api: APIClient, monitor: Monitor) -> None:
    api.post(url(monitor), [{"error": 1}])
    assert api.post(url(monitor), [{"error": 0}, {"error": 3}]).status_code == 400
    with tenant_scope(monitor.tenant_id):
        assert OutcomeStream.objects.get().sequence == 1
        assert DetectorState.objects.get(method="adwin").observations == 1


def test_post_outcomes__arrow_with_two_columns_of_a_name__is_refused(
    api: APIClient, monitor: Monitor
) -> None:
    table = pa.table(
        [pa.array([1]), pa.array([1]), pa.array([0])], ["prediction", "label", "label"]
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    body = sink.getvalue().to_pybytes()
    answer = post_bytes(api, url(monitor), body, "application/vnd.apache.arrow.stream")
    assert answer.status_code == 400
    assert "label must be one column" in answer.json()["detail"]


def test_post_outcomes__nothing__is_fine(api: APIClient, monitor: Monitor) -> None:
    assert api.post(url(monitor), []).json()["outcomes"] == 0


def test_post_outcomes__too_large__is_413(api: APIClient, monitor: Monitor, override: Any) -> None:
    override(data={"max_inline_bytes": 100})
    body = b'{"error": 1}\n' * 20
    assert post_bytes(api, url(monitor), body, "application/x-ndjson").status_code == 413


def test_post_outcomes__other_tenant__is_404(other_api: APIClient, monitor: Monitor) -> None:
    assert other_api.post(url(monitor), [{"error": 1}]).status_code == 404


def test_post_outcomes__viewer__is_403(viewer_api: APIClient, monitor: Monitor) -> None:
    assert viewer_api.post(url(monitor), [{"error": 1}]).status_code == 403


def test_post_outcomes__numbers_with_a_scale__count_in_parts(
    api: APIClient, tenant: Tenant
) -> None:
    with tenant_scope(tenant.id):
        monitor = make_monitor(error_scale=10.0)
    api.post(
        url(monitor),
        {"outcomes": {"prediction": [1, 2, 3], "label": [1.0, 7.0, 99.0]}},
        format="json",
    )
    with tenant_scope(tenant.id):
        assert DetectorState.objects.get(method="adwin").state["buckets"] == [[0.0, 0.5, 1.0]]


def test_get_detectors__after_outcomes__tells_of_each(api: APIClient, monitor: Monitor) -> None:
    api.post(url(monitor), timed(errors(0.1, 0.6)))
    found = {
        each["method"]: each for each in api.get(f"/api/v1/monitors/{monitor.id}/detectors").json()
    }
    assert set(found) == {"adwin", "e_process"}
    assert found["adwin"]["observations"] == 2000
    assert found["adwin"]["drifts"] >= 1


def test_patch_monitor__other_detector_settings__begins_that_detector_anew(
    api: APIClient, monitor: Monitor
) -> None:
    api.post(url(monitor), [{"error": 1}] * 5)
    api.patch(f"/api/v1/monitors/{monitor.id}", {"detector_settings": {"adwin": {"delta": 0.01}}})
    api.post(url(monitor), [{"error": 1}])
    with tenant_scope(monitor.tenant_id):
        seen = dict(DetectorState.objects.values_list("method", "observations"))
    assert seen == {"adwin": 1, "e_process": 6}


@pytest.mark.parametrize(
    "change",
    [
        {"concept_methods": ["kswin"]},
        {"detector_settings": {"adwin": {"delta": 2}}},
        {"detector_settings": {"adwin": {"speed": 2}}},
        {"detector_settings": {"adwin": 5}},
        {"detector_settings": {"adwin": {"delta": "x"}}},
        {"detector_settings": {"adwin": {"clock": 1.5}}},
        {"detector_settings": {"adwin": {"clock": 10**30}}},
        {"detector_settings": {"adwin": {"max_buckets": 65}}},
        {"detector_settings": {"adwin": {"grace_period": "x"}}},
        {"detector_settings": {"page_hinkley": {"delta": True}}},
        {"detector_settings": {"page_hinkley": {"mode": 1}}},
        {"detector_settings": {"ddm": {"warm_start": 10**400}}},
        {"performance_limits": {"accuracy": {"minimum": 10**400}}},
        {"error_scale": 0},
        {"error_scale": 5, "concept_methods": ["ddm"]},
        {"prediction_column": "p"},
    ],
)
def test_patch_monitor__wrong_detectors__is_refused(
    api: APIClient, monitor: Monitor, change: dict[str, Any]
) -> None:
    assert api.patch(f"/api/v1/monitors/{monitor.id}", change, format="json").status_code == 400

"""`make calibration`: prints how often verdicts are wrong, and writes it into docs. `--draws N` for a quick look."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from algorithms.concept_drift.detector_registry import ALARM_BUDGET
from tests.calibration import (
    alerting,
    earlier_times,
    estimates,
    explanations,
    faults,
    fleet,
    fleet_bank,
    incidents,
    simulations,
    slices,
    streams,
    unsupported,
)
from tests.calibration.page_parts import put_part
from tests.calibration.real import real_rows
from tests.calibration.year import MONITORS
from tests.document import replace_measured

DOCS = Path(__file__).parents[2] / "docs"
HEAD = Path(__file__).parent / "detectors.md"
DRAWS = 100
PARTS = ("windows", "faults", "estimates", "slices", "references", "streams", "alerting", "fleet")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make calibration", description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--only", choices=[*PARTS])
    options = parser.parse_args()
    parts = [options.only] if options.only else PARTS
    draws, is_kept = options.draws, options.draws == DRAWS
    for part, sections in _parts_of_calibration(draws).items():
        if part in parts:
            text = "\n\n".join(_printed(sections))
            if is_kept:
                put_part(DOCS / "calibration.md", part, text)
    if "streams" in parts:
        _write("detectors.md", HEAD.read_text().strip(), _stream_sections(draws), is_kept)
    if "alerting" in parts:
        _write_year()
    if "fleet" in parts:
        _write("fleet.md", f"# The fleet\n\n{FLEET}", _fleet_sections(), keep=True)


def _parts_of_calibration(draws: int) -> dict[str, Iterable[str]]:
    """The sections of each part of the page of calibration, not computed yet."""
    few = max(2, draws // 5)
    return {
        "windows": _sections(draws),
        "faults": _fault_sections(few),
        "estimates": _estimate_sections(draws),
        "slices": _slice_sections(draws),
        "references": _reference_sections(max(1, draws // 50)),
    }


def _printed(sections: Iterable[str]) -> Iterator[str]:
    """The sections, each printed as soon as it is there."""
    for section in sections:
        print(section, flush=True)
        yield section


def _fault_sections(draws: int) -> Iterable[str]:
    yield _section(
        "Faults named",
        f"A fault written into a random column of {faults.ROWS:,} rows, compared with {faults.ROWS:,} others: "
        f"{draws} draws of each of six real datasets that have a column for it, with replacement (flights, weather, "
        "space shuttle, image segments, breast cancer, diabetes). Sets without text get categories from bands of their "
        "numbers. *Right*: the kind is right, and a unit that is called likely, too. *Likely*: right, and likely. "
        "*Wrong*: another name. Asked for are 90 % in all.",
        ["fault", "kind", "windows", "drifted", "right", "likely", "wrong"],
        faults.fault_rows(draws),
    )
    yield _section(
        "Factors that are no unit",
        "The same with plain factors. *A factor*: named as a factor that is no unit. *A unit*: named as one.",
        ["factor", "windows", "a factor", "a unit"],
        faults.factor_rows(draws),
    )
    yield _section(
        "Natural changes",
        "Drifted features of data that changed by themselves; none should have a name, and 2 % are allowed. Groups of "
        f"fewer rows are drawn up to {faults.ROWS:,}, with replacement.",
        ["change", "drifted features", "named", "likely"],
        faults.natural_rows(),
    )


def _write_year() -> None:
    """Put the simulated year into the page about alerting, whose rest is written."""
    sections = list(_year_sections())
    print("\n\n".join(sections), flush=True)
    replace_measured(DOCS / "alerting.md", "\n\n".join(sections))


def _write(name: str, head: str, sections: Iterable[str], keep: bool) -> None:
    written = [head, *_printed(sections)]
    if keep:
        (DOCS / name).write_text("\n\n".join(written) + "\n")


def _sections(draws: int) -> Iterable[str]:
    few = max(2, draws // 5)
    yield _section(
        "Whole runs without drift",
        "Twenty features of seven distributions, default methods and policy. *Evidently, any column*: its default "
        "preset flags at least one; *dataset*: at least half, which is its own verdict. It takes longer, so it sees "
        "the first of the draws alone.",
        [
            "reference",
            "current",
            "ours (95 % interval)",
            "draws",
            "Evidently, any column",
            "dataset",
            "its draws",
        ],
        simulations.whole_run_rows(4 * draws, few),
    )
    yield _section(
        "Real data: whole runs without an incident",
        "Random halves of six real datasets, by three sets of methods: the distribution tests `ks`, `psi` and "
        "`chi_squared`; the default methods; all methods. In brackets the 95 % interval. *Evidently*: its default "
        f"preset flags at least one column, {few // 2} draws. The level q is 5 %.",
        ["data", "rows × features", *incidents.PLAN_NAMES, "Evidently"],
        incidents.quiet_rows(2 * draws, few // 2),
    )
    yield _section(
        "Real data: incidents",
        "An incident in one random column of one half: how often that column is found. *Datasets*: those with a "
        "column of the kind.",
        ["incident", "datasets", *incidents.PLAN_NAMES, "runs", "Evidently", "its runs"],
        incidents.incident_rows(2 * draws, few // 2),
    )
    yield _section(
        "A million rows",
        "Normal, shifted: how often each says drift. The default tolerates a KS distance of 0.035, which a normal "
        "feature reaches at 0.09 σ; a tolerance of 0.1 is 0.25 σ.",
        ["shift", "default", "tolerance 0.1", "p ≤ 5 %", "draws"],
        simulations.large_rows(max(1, draws // 20)),
    )
    yield _section(
        "Real data without drift",
        "Alarms per thousand checks. Random halves differ by chance alone; neighbouring weeks are not free of change, "
        "and a reference of one week cannot say what is usual.",
        ["data", "compared", "rows × features", "alarms per thousand"],
        real_rows(draws),
    )
    yield _section(
        "Autocorrelated rows",
        "A first-order autoregression (0.9) without drift. No test that takes rows for independent keeps its level. A "
        "monitor's power card measures on its own reference what windows differ by, and raises the tolerance to it.",
        ["rows", "KS p ≤ 5 %", "verdict drift", "draws"],
        simulations.autocorrelated_rows(few),
    )
    yield _section(
        "The smallest shift found nine times in ten",
        "A normal feature, equal windows. *Ours* wants evidence and effect; *p* is KS at 5 % alone, which goes on to "
        "find shifts that do not matter as rows grow.",
        ["rows", "ours", "p ≤ 5 %", "Evidently's default", "draws"],
        simulations.power_rows(few),
    )
    yield _section(
        "Each test alone, without drift",
        "How often its own p-value is at or below 5 %, and how often its verdict is drift. Ties make KS conservative.",
        ["distribution", "reference", "current", "method", "p ≤ 5 %", "drift", "draws"],
        simulations.level_rows(draws),
    )


def _estimate_sections(draws: int) -> Iterable[str]:
    yield _section(
        "Intervals of estimates without labels",
        f"A linear model is trained on {estimates.TRAINED:,} rows of a public set by random, a reference is "
        f"{estimates.REFERENCE:,} others, and each of ten windows {estimates.WINDOW:,} others: nothing changes. "
        "*Held*: windows whose 95 % interval of the estimate holds the metric that their labels give.",
        ["data", "metric", "held", "windows"],
        estimates.interval_rows(max(1, draws // 5)),
    )
    yield _section(
        "Estimates that say that they are unsupported",
        f"A set is divided by a quantile of a random column. One of three models is trained on {unsupported.TRAINED:,} "
        f"rows of one part, a reference is {unsupported.REFERENCE:,} others of it, and windows hold "
        f"{unsupported.WINDOW:,} rows. *Nothing changes*: {unsupported.SAME} windows of the same part. *Inputs "
        "shift*: a half, a quarter or all of a window comes from the other part, where labels can follow another rule, "
        "too; and three windows prefer rows that lie in a random direction. *Labels alone change*: a third of the "
        "labels turned round where a random column is large, which no estimate can see. "
        f"*wrong*: off by more than {unsupported.TOLERANCE:g} from what labels show, also by chance. *Say so*: wrong "
        "ones that are `unsupported`; asked for are 95 % where inputs shift. *Kept*: right ones that are not; asked "
        "for are 80 %. The limits were chosen on the first sets (flights late, visits to doctors, bananas), on rain in "
        "the weather, and on five sets that no package here has (incomes, employment, housing, health in Germany, "
        "movies). The others are flights late at departure, poor sight in the weather, affairs and the shuttle, which "
        "showed the need of one limit more: that of rows unlike all of the reference.",
        ["sets", "metrics", "window", "say so", "wrong", "kept", "right"],
        unsupported.unsupported_rows(max(1, draws // 50)),
    )


def _slice_sections(draws: int) -> Iterable[str]:
    yield _section(
        "Slices",
        f"{slices.ROWS:,} rows against as many, {slices.FEATURES} normal features and {slices.SLICES} slices of 5 % of "
        "the rows each. One feature is shifted inside of one slice: how often that slice, another one and the whole "
        "drift, and how often the same run does without slices. At a shift of 0 each drift is a false alarm.",
        ["shift", "the slice", "another slice", "the whole", "without slices", "draws"],
        slices.slice_rows(2 * draws),
    )
    yield _section(
        "Explanations",
        f"{explanations.ROWS:,} flights of 2013 against as many others, by random, so nothing changes but by the "
        "incident: inside a random slice of 4 to 6 % of the rows, by the values of one or two columns, a column of "
        "numbers is shifted, or loses values. *The whole*: runs in which a feature of the whole drifts. *First*: the "
        "first slice that the explanation names is the incident's (80 % of the rows of either are of both); "
        "*found*: one of them is. *Any*: it names any slice; without an incident, each is false.",
        ["incident", "columns", "the whole", "first", "found", "any", "draws"],
        explanations.explanation_rows(draws),
    )


def _reference_sections(years: int) -> Iterable[str]:
    yield _section(
        "References in time",
        f"A year of daily windows of {earlier_times.DAY_ROWS:,} rows after two of history, with a pattern of the "
        "calendar in one of three features. *Alerts*: opened in a year without an incident, by two drifted runs of "
        "three, without a budget. *Found*: of twelve incidents, another feature shifted by "
        f"{earlier_times.INCIDENT_SHIFT} σ for {earlier_times.INCIDENT_DAYS} days, those in which an alert opens. By "
        "the baseline of the year before, and with `judged_by: references_in_time`.",
        [
            "pattern",
            "compared with",
            "alerts, baseline",
            "alerts, in time",
            "found, baseline",
            "found, in time",
            "years",
        ],
        earlier_times.reference_rows(years),
    )


def _stream_sections(draws: int) -> Iterable[str]:
    yield _section(
        "False alarms",
        "Alarms per 10,000 observations of a constant error rate, by that rate. The calibrated settings were chosen to "
        f"stay below {ALARM_BUDGET:g}; the e-process promises more, that with 99.9 % it never alarms at all.",
        ["detector", "settings", *map(str, streams.RATES)],
        streams.false_alarm_rows(max(1, draws // 4)),
    )
    yield _section(
        "Delay",
        f"Observations from a change to its alarm, after {streams.BEFORE:,} observations at the first rate. *Missed*: "
        f"no alarm within {streams.AFTER:,}; the mean is of the others.",
        ["detector", "settings", "error rate", "mean", "median", "p90", "missed"],
        streams.delay_rows(2 * draws),
    )
    yield _section(
        "Means of many errors",
        "With `error_batch`, detectors see means in standard deviations from the usual, and have other settings. "
        f"Alarms per 10,000 means without a change, and median / p90 delay in means after steps of so many deviations, "
        f"{streams.MEANS_BEFORE} means after the start.",
        ["detector", "alarms per 10,000", *(f"{step:g} σ" for step in streams.STEPS)],
        streams.means_rows(2 * draws),
    )
    yield _section(
        "Real errors",
        "The demo's model on the flights from April to December of 2013, 249,451 outcomes. Storms make it wrong about "
        "many flights at once, and each of them is a drift to a detector that sees single errors.",
        ["detector", "shown", "alarms"],
        streams.flights_rows(),
    )


def _year_sections() -> Iterable[str]:
    yield _section(
        "A simulated year",
        f"{MONITORS} monitors read 1,000 flights a day for 365 days, by random from the flights of 2013, and "
        "compare them with 5,000 others. Each has two incidents, at known times, of the kinds below; between them "
        "nothing changes. *Found*: a notification while the incident lasts, or in the three days after it. *Delay*: "
        "from its first day to that notification. *False*: notifications outside every incident, for each monitor and "
        "quarter. Ours count the end of each alert too. Evidently takes longer, so it sees the first monitors alone.",
        ["rule", "monitors", "notifications", "incidents found", "mean delay", "false"],
        alerting.year_rows(),
    )
    yield _section(
        "By kind of incident",
        "With the default rule.",
        ["incident", "incidents", "found", "mean delay"],
        alerting.fault_rows(),
    )


FLEET = (
    "How many false alerts a tenant gets in all, beside what it was promised. Written by "
    '`make calibration ARGS="--only fleet"`, from seeds; nothing here is typed by hand. What is promised, and by which '
    "rule a run opens an alert, is in [ADR 20](adr/0020-evidence-of-a-run.md). Each of "
    f"{fleet.TENANTS} simulated tenants has {fleet.MONITORS:,} monitors for a year, drawn from banks of runs that the "
    "service's own engine evaluated, with the power card of each monitor. The opening level of a run is the budget, "
    f"{fleet.BUDGET:g} false alerts in a month of {fleet.MONTH:g} days, divided by the runs of that month. "
    "An alert ends with the first run without drift, so that the next one counts again."
)


def _fleet_sections() -> Iterable[str]:
    banks = fleet.Banks.make()
    runs = fleet_bank.MONITORS * fleet_bank.QUIET_RUNS
    yield _section(
        "The contract, without incidents",
        f"*Made up*: a bank of {runs:,} runs of {fleet_bank.MONITORS} monitors with {fleet_bank.COLUMNS} features of "
        "seven distributions, references of one to six weeks of days, and 300 to 1,000 rows a day. A run's evidence "
        "depends on the run before it by the correlation in brackets. *Flights*: real flights of 2013, with storms; "
        f"{fleet_bank.REAL_MONITORS} references of {fleet_bank.REFERENCE_WEEKS} random weeks or "
        f"{fleet_bank.REFERENCE_DAYS} random days, and {fleet_bank.REAL_RUNS} others of the year as windows, each "
        "monitor checked once a week or once a day. False alerts are a year's mean of a month.",
        ["fleet", "level", "promised", "kept: mean", "worst tenant", "tenants that kept it", "aim"],
        fleet.contract_rows(banks),
    )
    yield _section(
        "Rules side by side, with incidents",
        f"The made-up fleet, independent. Each monitor has two incidents of {fleet_bank.INCIDENT_DAYS} days in the "
        "year, of the kinds in [Calibration](calibration.md), in one random feature. *Recall*: an alert is open on one "
        "of the incident's days; the rule that opens at each drift shows how many the verdict sees at all. *Delay*: "
        "days from the first window of the incident to the one that opens. *Precision*: of all alerts, one for each "
        f"incident found. Evidently takes longer, so its bank holds {fleet.PEER_MONITORS} monitors with "
        f"{fleet.PEER_QUIET_RUNS} quiet runs each.",
        ["rule", "false alerts a month", "tenants within 5", "recall", "mean delay", "precision"],
        fleet.rule_rows(banks),
    )
    yield _section(
        "Aims",
        "Of the made-up fleet with incidents, by our rule.",
        ["aim", "wanted", "measured", "result"],
        fleet.aim_rows(banks),
    )


def _section(title: str, text: str, head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"## {title}", "", text, "", *lines])


if __name__ == "__main__":
    main()

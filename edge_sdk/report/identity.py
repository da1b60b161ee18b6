"""Who made this: source, model and bundle, thresholds, figures of merit, and the account of every frame."""

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.records import Inspection, ProviderAttempt
from edge_sdk.report.figures import count, number, percent
from edge_sdk.report.header import facts_of_source
from edge_sdk.report.markup import Html, join, own_words, tag
from edge_sdk.report.wording import DROPPED, TRAINED_ON


def identity_section(inspection: Inspection) -> Html:
    """Source, model and software."""
    model = inspection.model
    measured = f" on {model.evaluated_on}" if model.evaluated_on else ""
    rows: list[tuple[str, str]] = [
        ("Model bundle", f"{model.bundle} {model.version}"),
        ("SHA-256", tag("code", model.sha256)),
        ("Signed by", model.signed_by or "nobody: this bundle is not signed"),
        ("Training", f"{TRAINED_ON[model.data_kind]} ({model.trained_on})"),
        ("Data licence", model.data_licence),
        ("Labels", f"speak of {number(0 - model.look_behind_m)} to {number(model.look_ahead_m)} m ahead of the camera"),
        ("Thresholds", model.threshold_origin.replace("-", " ")),
        ("F2-CIW", percent(model.f2_ciw) + measured),
        ("F1-Normal", percent(model.f1_normal) + measured),
        (
            "Run with",
            f"{model.provider}, {model.precision}, {count(model.threads, 'thread') if model.threads else 'threads as the runtime decides'}",
        ),
        *([("Precision", model.precision_reason)] if model.precision_reason else ()),
        *((_verdict(attempt), _attempt(attempt)) for attempt in model.attempts if attempt.reason is not None),
        *(("Runtime changed", f"at frame {c.frame_index}, from {c.from_} to {c.to}: {c.reason}") for c in model.provider_changes),
        ("Self-test", f"golden frames differ by at most {number(model.self_test_max_abs_dp, 6)} in score"),
        ("Software", f"sewer-edge {inspection.sdk_version}, record schema {inspection.schema_version}"),
        ("Run", tag("code", inspection.run_id)),
    ]
    facts = join(join([tag("dt", name), own_words(value, "dd")]) for name, value in rows)
    terms = tag("dl", facts_of_source(inspection), facts, class_="terms")
    return tag("section", tag("h2", "Source, model and software"), terms, id="identity")


def _verdict(attempt: ProviderAttempt) -> str:
    return "Runtime not here" if attempt.stage == "import" else "Runtime that failed"


def _attempt(attempt: ProviderAttempt) -> str:
    what = " ".join(filter(None, (attempt.provider, attempt.precision)))
    return f"{what}, at {(attempt.stage or 'start').replace('_', '-')}: {attempt.reason}: {attempt.detail}"


def thresholds_section(inspection: Inspection) -> Html:
    """Every class the model knows, with the threshold that cut its scores."""
    known = {c.code: c for c in taxonomy().classes}
    found = [item.class_.code for item in inspection.observations]
    rows = []
    for code, threshold in inspection.thresholds.items():
        sewer_class = known.get(code)
        rows.append(
            tag(
                "tr",
                tag("th", code, scope="row"),
                tag("td", sewer_class.label if sewer_class else ""),
                tag("td", number(threshold), class_="num"),
                tag("td", number(sewer_class.ciw) if sewer_class else "", class_="num"),
                tag("td", number(found.count(code), 0), class_="num"),
            )
        )
    names = (f"Code ({taxonomy().coding_system})", "Class", "Threshold", "Importance", "Observations")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    table = tag("div", tag("table", head, tag("tbody", *rows), class_="plain"), class_="scroll")
    return tag("section", tag("h2", "Classes and thresholds"), table, id="thresholds")


def accounting_section(inspection: Inspection) -> Html:
    """Where every frame went."""
    counts = inspection.accounting
    rows = [("Received", counts.received), ("Inspected", counts.processed)]
    rows += [(f"Dropped: {DROPPED.get(reason, reason)}", num) for reason, num in counts.dropped.items()]
    body = [tag("tr", tag("th", name, scope="row"), tag("td", number(num, 0), class_="num")) for name, num in rows]
    adds_up = counts.received == counts.processed + sum(counts.dropped.values())
    text = "Received is inspected plus dropped." if adds_up else "The figures do not add up; do not rely on this report."
    table = tag("table", tag("tbody", *body), class_="plain narrow")
    return tag("section", tag("h2", "Account of frames"), table, tag("p", text, class_="note"), id="accounting")


def sign_off() -> Html:
    """Lines for a name and a date, for the printed page."""
    lines = [tag("span", name, class_="line long") for name in ("Reviewed by", "Certificate", "Date", "Signature")]
    return tag("section", tag("h2", "Sign-off"), tag("p", *lines, class_="decision"), id="sign-off", class_="sign-off")

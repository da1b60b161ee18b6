"""The report's sentences about reasons, flags and limits, in one place so that every page says the same."""

GAP_SHORT = {
    "unreadable": "unreadable",
    "bad_shape": "size not accepted",
    "no_chainage": "chainage unknown",
    "truncated": "film cut short",
    "interrupted": "run was stopped",
    "crashed": "run broke off",
    "inference_failed": "inference failed",
    "camera_lost": "camera gave no pictures",
    "paused": "paused",
    "too_few_looks": "too few looks",
    "frozen": "picture stood still",
    "black": "picture black",
    "over_exposed": "picture too bright",
    "corrupt": "picture damaged",
    "blurred": "picture blurred",
    "water_on_lens": "water on the lens",
    "off_axis": "camera turned aside",
    "unchecked": "picture not checked",
}
GAP_LONG = {
    "unreadable": "The frames could not be decoded.",
    "bad_shape": "The pictures have a size that is not accepted.",
    "no_chainage": "The odometer says nothing here: what was seen is placed by film time only.",
    "truncated": "The film ended before the length that it announces.",
    "interrupted": "The run was stopped here; what follows was not looked at.",
    "crashed": "The run broke off here without an end (power loss or kill); what follows was not looked at, or not recorded.",
    "inference_failed": "The model could not be run on the frames.",
    "camera_lost": "The camera gave no pictures: cable, power or network.",
    "paused": "The inspection was paused.",
    "too_few_looks": "The computer did not keep up: fewer than five pictures a second were looked at while the camera moved on.",
    "frozen": "The picture stood still while time went on: what it shows is not where the camera was.",
    "black": "The picture was black: lamp or camera off.",
    "over_exposed": "Most of the picture was too bright to show anything.",
    "corrupt": "The picture was damaged on its way from the camera.",
    "blurred": "The picture was out of focus or smeared; what was found counts, that nothing was found does not.",
    "water_on_lens": "Water or dirt lay on the lens; what was found counts, that nothing was found does not.",
    "off_axis": "The camera looked aside, not along the pipe; what was found counts, that nothing was found does not.",
    "unchecked": "The check of the picture itself failed, so nobody can say whether it was good.",
}
DROPPED = {
    "unreadable": "could not be decoded",
    "bad_shape": "size not accepted",
    "inference_failed": "inference failed",
    "superseded": "a newer one came first",
    "paused": "came while paused",
    "stopped": "came as the run ended",
    "abandoned": "in a run of the model that never came back",
}
QUALITY = {
    "ok": "The counter was read at this frame.",
    "interpolated": "Between two readings at most a second away.",
    "stale": "No reading near enough: the chainage is not known.",
    "jump": "The counter had just jumped farther than a crawler drives.",
    "reset": "The counter had just been set to zero.",
    "none": "No odometer, or no reading yet: placed by film time.",
}
NOT_ASSESSED = {
    "clock": (
        "Clock position",
        "The model says what a frame shows, not where on the circumference it lies. A box marks a region of the picture.",
    ),
    "quantification": ("Quantification", "Widths, heights and cross-section losses are not measured."),
    "characterisation": (
        "Characterisation",
        "The class is coarser than EN 13508-2; the letters after the main code are a person's choice.",
    ),
    "joint": ("At a joint", "Whether an observation lies at a joint is not decided."),
    "severity": ("Severity", "No grade and no pipe score. The review priority orders the work of reviewing and is no grade."),
}
TRAINED_ON = {
    "rendered": "trained on rendered images",
    "sewer-ml": "trained on Sewer-ML",
    "other": "trained on other data",
}
AI_PROPOSAL = "AI proposal, not reviewed"
UNPROVEN = "Nothing proposed is no proof of a sound pipe: the model overlooks things, and knows only the classes listed below."

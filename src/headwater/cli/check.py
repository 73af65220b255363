"""`headwater check`: is this config right, and what is still to be set."""

from __future__ import annotations

from headwater.cli.options import AsJson, ConfigName, Debug, Settings, settings
from headwater.cli.reading import Draft, draft, real_secret
from headwater.cli.show import amount, print_json, say, warn

__all__ = ["check"]


def check(
    config: ConfigName, set_: Settings = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Name every problem of a config at once, with file and line.

    Each comes with what would be right. Nothing is asked of the API. Secrets and parameters
    without a value are warnings.
    """
    found = draft(config, settings(set_), real_secret)
    if as_json:
        print_json(as_document(found))
        return
    for note in found.config.notes:
        say(f"note: {note}")
    for problem in found.missing:
        warn(problem)
    resources = amount(len(found.plan.steps), "resource")
    say(f"ok: {resources}, {amount(inferred(found), 'binding')} inferred")


def inferred(found: Draft) -> int:
    """How many placeholders were bound by a rule, not by the config's own words."""
    return sum(binding.rule != "explicit" for step in found.plan.steps for binding in step.bindings)


def as_document(found: Draft) -> dict[str, object]:
    return {
        "ok": True,
        "resources": len(found.plan.steps),
        "bindings_inferred": inferred(found),
        "notes": [{"where": note.where, "what": note.what} for note in found.config.notes],
        "missing": [
            {"where": item.where, "what": item.what, "hint": item.hint} for item in found.missing
        ],
        "problems": [],
    }

"""The stock of words that simulated values are made of."""

from __future__ import annotations

__all__ = [
    "ADJECTIVES",
    "COLORS",
    "KINDS",
    "LABELS",
    "NOUNS",
    "PEOPLE",
    "ROLES",
    "SENTENCES",
    "STATES",
]

ADJECTIVES = (
    "quiet",
    "amber",
    "northern",
    "swift",
    "hollow",
    "bright",
    "early",
    "silver",
    "open",
    "gentle",
    "lasting",
    "narrow",
    "second",
    "winter",
    "curious",
    "steady",
    "plain",
    "velvet",
    "distant",
    "warm",
)
NOUNS = (
    "harbour",
    "orchard",
    "ledger",
    "compass",
    "lantern",
    "meadow",
    "bridge",
    "signal",
    "archive",
    "garden",
    "ferry",
    "anvil",
    "quarry",
    "beacon",
    "window",
    "river",
    "market",
    "pilot",
    "kiosk",
    "summit",
)
PEOPLE = (
    ("Ada", "Okafor"),
    ("Jürgen", "Müller"),
    ("Zoë", "Lindqvist"),
    ("Mateo", "Núñez"),
    ("Priya", "Raman"),
    ("Łukasz", "Wójcik"),
    ("Ελένη", "Παππά"),
    ("梅", "李"),
    ("Søren", "Ågård"),
    ("Grace", "O'Neil"),
    ("Thandi", "Dlamini"),
    ("Ivan", "Petrov"),
)
SENTENCES = (
    "Moved to the next release after review.",
    "Needs a second look before Friday.",
    "Waiting for the customer's reply… call back.",
    'Said to be "good enough" for now.',
    "First draft, figures still missing.",
    "Works on staging; rollout at 50 %.",
    "Siehe Anhang für die Größen.",
    "納期は来週です。",
    "Shipped 🚀",
    "Line one.\nLine two.",
    "See docs\\readme & notes <b>here</b>.",
)
STATES = ("open", "started", "in review", "done", "archived")
ROLES = ("owner", "admin", "member", "viewer")
KINDS = ("feature", "bug", "chore", "release")
LABELS = ("urgent", "backend", "design", "größe", "customer", "wontfix", "q3", "mobile")
COLORS = ("#4b6cb7", "#e07a5f", "#3d405b", "#81b29a", "#f2cc8f")

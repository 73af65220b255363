"""Single values: what a column of a given type and name looks like in an API's answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from headwater.simulate.draw import Draw
from headwater.simulate.words import (
    ADJECTIVES,
    COLORS,
    KINDS,
    LABELS,
    NOUNS,
    PEOPLE,
    ROLES,
    SENTENCES,
    STATES,
)

__all__ = ["Make", "guessed_type", "key_value", "labels", "made_by", "owner", "tags"]

Make = Callable[[Draw], Any]
EPOCH = datetime(2021, 1, 1)
EPOCH_MS = 1_609_459_200_000
LATER = ("updat", "modif", "chang", "last", "complet", "accept", "due", "deadline")
TIME_ENDINGS = ("_at", "_date", "_seen", "_time", "_on", "_checked", "date", "deadline")


def seconds(draw: Draw, name: str) -> int:
    """Seconds after EPOCH: births at birth, changes after it."""
    if "creat" in name:
        return draw.born_s
    return draw.born_s + draw.below(200 * 86400 if any(w in name for w in LATER) else 86400)


def timestamp(name: str) -> Make:
    return lambda draw: (EPOCH + timedelta(seconds=seconds(draw, name))).isoformat() + "Z"


def local_time(name: str) -> Make:
    """As APIs write times that their schemas call text."""
    return lambda draw: (EPOCH + timedelta(seconds=seconds(draw, name))).isoformat(" ")


def day(name: str) -> Make:
    return lambda draw: (EPOCH + timedelta(seconds=seconds(draw, name))).date().isoformat()


def epoch_ms(name: str) -> Make:
    return lambda draw: EPOCH_MS + seconds(draw, name) * 1000


def phrase(draw: Draw) -> str:
    return f"{draw.pick(ADJECTIVES)} {draw.pick(NOUNS)}"


def title(draw: Draw) -> str:
    return f"{draw.pick(ADJECTIVES).capitalize()} {draw.pick(NOUNS)} {draw.below(900) + 100}"


def person(draw: Draw) -> str:
    return " ".join(draw.pick(PEOPLE))


def email(draw: Draw) -> str:
    return f"{draw.pick(NOUNS)}.{draw.pick(ADJECTIVES)}{draw.below(1000)}@example.org"


def url(draw: Draw) -> str:
    return f"https://app.example.org/{draw.pick(NOUNS)}/{draw.below(100_000)}?ref=a%20b&x=1"


def guid(draw: Draw) -> str:
    drawn = "".join(f"{draw.below(1 << 32):08x}" for _ in range(3))
    text = f"{drawn}{draw.number & 0xFFFFFFFF:08x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def json_map(draw: Draw) -> dict[str, Any]:
    """A map whose keys are data, as `time.users` or `_links` are."""
    return {
        draw.pick(NOUNS): draw.below(5000) if draw.below(2) else draw.pick(LABELS)
        for _ in range(draw.below(4))
    }


def labels(draw: Draw) -> list[dict[str, Any]]:
    """Up to three objects, often none."""
    numbers = dict.fromkeys(draw.below(len(LABELS)) for _ in range(draw.below(4)))
    return [{"id": 9000 + number, "name": LABELS[number]} for number in numbers]


def tags(draw: Draw) -> list[str]:
    """Up to three words, often none."""
    return [draw.pick(LABELS) for _ in range(draw.below(4))]


def owner(draw: Draw) -> dict[str, Any]:
    """A person as APIs nest one."""
    number = draw.below(len(PEOPLE))
    return {"id": 500 + number, "name": " ".join(PEOPLE[number])}


def one_of(choices: tuple[str, ...]) -> Make:
    return lambda draw: draw.pick(choices)


# The first entry of which a part of the column's name ends in one of the words decides.
TEXTS: tuple[tuple[tuple[str, ...], Make], ...] = (
    (("email", "email_address"), email),
    (("url", "href", "avatar"), url),
    (("color", "colour"), one_of(COLORS)),
    (("guid", "uuid", "_id", "hash"), guid),
    (("first_name",), lambda draw: draw.pick(PEOPLE)[0]),
    (("last_name",), lambda draw: draw.pick(PEOPLE)[1]),
    (("initials",), lambda draw: draw.pick(ADJECTIVES)[:1].upper() + draw.pick(NOUNS)[:1].upper()),
    (("username", "mention_name"), lambda draw: f"{draw.pick(NOUNS)}{draw.below(1000)}"),
    (("author", "person", "actor_name", "assignee"), person),
    (("status", "state"), one_of(STATES)),
    (("role",), one_of(ROLES)),
    (("type", "kind"), one_of(KINDS)),
    (("name", "title"), title),
    (
        ("description", "text", "comment", "message", "body", "notes", "highlight"),
        lambda draw: draw.pick(SENTENCES),
    ),
)


def text(name: str) -> Make:
    if name.endswith(("_at", "_checked", "last_seen")):
        return local_time(name)
    if name.endswith(("_on", "date", "deadline", "_from")):
        return day(name)
    for endings, make in TEXTS:
        if name.endswith(endings):
            return make
    return phrase


def bigint(name: str) -> Make:
    if name.endswith(TIME_ENDINGS):
        return epoch_ms(name)
    if name.endswith("id"):
        return lambda draw: draw.below(90_000) + 10_000
    return lambda draw: draw.below(500)


def made_by(data_type: str, name: str) -> Make:
    """What draws a value for a column of a dlt type called `name`, in lower case."""
    match data_type:
        case "bigint":
            return bigint(name)
        case "wei":
            return lambda draw: draw.below(1 << 62)
        case "double" | "decimal":
            return lambda draw: draw.below(1_000_000) / 100 + 0.25
        case "bool":
            return lambda draw: draw.below(2) == 1
        case "timestamp":
            return timestamp(name)
        case "date":
            return day(name)
        case "time":
            return lambda draw: (EPOCH + timedelta(seconds=draw.born_s)).time().isoformat()
        case "json" | "complex":
            return json_map
        case "binary":
            return lambda draw: "aGVhZA==" if draw.below(2) else "d2F0ZXI="
        case _:
            return text(name)


def guessed_type(name: str) -> str:
    """The dlt type that a column of this name has in most APIs."""
    if name.endswith(("_at", "deadline")):
        return "timestamp"
    if name == "id" or name.endswith(("_id", "number", "count", "position", "version")):
        return "bigint"
    if name.endswith(("date", "_on")):
        return "date"
    if name in ("amount", "price", "rate", "total", "score"):
        return "double"
    return "bool" if name.startswith(("is_", "has_")) or name == "active" else "text"


def key_value(data_type: str, name: str) -> Make:
    """What makes a value that no other row of the resource has."""
    if data_type in ("bigint", "double", "decimal", "wei"):
        return lambda draw: draw.number
    if name.endswith(("guid", "uuid")):
        return guid
    return text_key


def text_key(draw: Draw) -> str:
    """Keys as APIs have them: mostly slugs, some with characters that a URL must encode."""
    word, number = NOUNS[draw.number % len(NOUNS)], draw.number
    match number % 12:
        case 3:
            return f"ev:{number}"
        case 5:
            return f"{word} {number}"
        case 8:
            return f"{word}/{number}"
        case 10:
            return f"größe-{number}"
        case _:
            return f"{word}-{number}"

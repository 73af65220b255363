"""`headwater plan`: what will be asked, and which parent fills which {placeholder}, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headwater.cli.options import AsJson, ConfigName, Debug, Settings, settings
from headwater.cli.reading import Draft, draft
from headwater.cli.show import amount, print_json, show

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from headwater.plan.graph import Plan, Step

__all__ = ["plan"]


def plan(
    config: ConfigName, set_: Settings = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Show what will be asked, and what fills each {placeholder}.

    Each with the rule that says so. Nothing is asked of the API, and no secret is needed.
    """
    found = draft(config, settings(set_))
    if as_json:
        print_json(as_document(found))
    else:
        show(as_tree(found))
        show(closing(found.plan))


def as_tree(found: Draft) -> Tree:
    """The plan as a tree, each child below its (first) parent."""
    from rich.text import Text
    from rich.tree import Tree

    head = Text(found.config.name, style="bold")
    head.append(f"  {base_url(found) or ''}".rstrip(), "dim")
    if found.stand_ins:
        head.append(f"  not set: {', '.join(sorted(found.stand_ins))}", "yellow")
    root = Tree(head, guide_style="dim")
    branches = [root]
    for depth, step in found.plan.tree():
        branches[depth + 1 :] = [branches[depth].add(label(step))]
    return root


def base_url(found: Draft) -> str | None:
    """The API's address, None where it needs a parameter that is not set."""
    client = found.config.document.raw.get("client")
    written = str(client.get("base_url")) if isinstance(client, Mapping) else ""
    needs = any(f"{{params.{name}}}" in written for name in found.stand_ins)
    return None if needs else found.config.client.base_url


def label(step: Step) -> Text:
    """The lines of one step."""
    from rich.text import Text

    text = Text()
    text.append(step.name, "bold cyan")
    if step.external is not None:
        text.append("  handed in already built", "dim")
        return text
    text.append(f"  {step.method} ", "dim").append(step.path)
    for line in lines(step):
        text.append(f"\n  {line}", "green" if " <- " in line else "")
    return text


def lines(step: Step) -> list[str]:
    from headwater.cli import words

    bound = [words.binding_words(binding) for binding in step.bindings]
    since = words.incremental_words(step)
    loaded = step.resource.selected
    last = words.write_words(step) if loaded else "read for its children, not loaded"
    rows = f"{words.selector_words(step.selector)}; {last}"
    return [*bound, words.request_words(step), *([since] if since else []), rows]


def closing(plan: Plan) -> str:
    """How many listings start by themselves and how many wait for rows of a parent."""
    roots = sum(not step.parents for step in plan.steps)
    children = len(plan.steps) - roots
    text = f"{amount(len(plan.steps), 'resource')}: {amount(roots, 'listing')} of its own"
    text = text.replace("listings of its own", "listings of their own")
    return f"{text}, {children} asked for rows of a parent" if children else text


def as_document(found: Draft) -> dict[str, Any]:
    return {
        "ok": True,
        "name": found.config.name,
        "base_url": base_url(found),
        "not_set": sorted(found.stand_ins),
        "resources": [step_document(step) for step in found.plan.steps],
    }


def step_document(step: Step) -> dict[str, Any]:
    from headwater.cli import words

    return {
        "name": step.name,
        "method": step.method,
        "path": step.path,
        "parents": list(step.parents),
        "bindings": [
            {
                "placeholder": binding.placeholder,
                "parents": list(binding.parents),
                "fields": [str(path) for path in binding.fields],
                "rule": binding.rule,
                "why": binding.why,
                "column": binding.column,
            }
            for binding in step.bindings
        ],
        "selector": step.selector,
        "paging": words.paging_words(step.paginator),
        "incremental": words.incremental_words(step) or None,
        "write": words.write_words(step),
        "primary_key": list(words.key_names(step.resource.primary_key)),
        "selected": step.resource.selected,
        "requests": words.request_words(step),
    }

"""The dlt resources of a plan, and the extraction behind each run of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import dlt
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta
from dlt.extract.items_transform import (
    FilterItem,
    ItemTransform,
    LimitItem,
    MapItem,
    YieldMapItem,
)

from headwater.config.models import Incremental
from headwater.decode import Decoder, Rows, objects_of
from headwater.errors import DecodeError
from headwater.events import Listener, Noticed, TableWritten, silent
from headwater.fetch.client import Client
from headwater.load.claims import mark
from headwater.load.current import TableHints, current_resource, current_schema
from headwater.load.cursors import LISTED_AS, ListingCursors, Listings, cursors_of, listings_of
from headwater.load.explicit import explicit
from headwater.load.handover import HandOver, HandOverChanged, Parent
from headwater.load.incremental import (
    has_cursor_per_parent,
    incremental_of,
    window_of,
    with_cursor_column,
)
from headwater.load.journals import journal_of
from headwater.load.merging import Merging, merging_of
from headwater.load.nested import Nested
from headwater.load.objects import refuse_unknown
from headwater.load.recall import Recall, adopt_state
from headwater.load.settings import masker_of, settings_of
from headwater.load.steps import Shape, foreknown
from headwater.plan.graph import Plan, Step
from headwater.run.extraction import Extraction
from headwater.run.fallout import Fallout, Manner, Way, fallout
from headwater.run.journal import JournalledClient
from headwater.run.outcome import Failure
from headwater.run.reader import Reader

__all__ = ["Backend", "OnIncomplete", "Resources"]

Backend = Literal["arrow", "objects"]
OnIncomplete = Literal["raise", "load"]
HINTS = (
    "table_name",
    "write_disposition",
    "primary_key",
    "merge_key",
    "columns",
    "schema_contract",
    "table_format",
    "file_format",
    "nested_hints",
    "references",
    "parent_table_name",
    "max_table_nesting",
)


@dataclass(slots=True)
class Resources:
    """Builds the dlt resources of a plan, and opens an extraction for each run of them."""

    plan: Plan
    backend: Backend = "arrow"
    on_incomplete: OnIncomplete = "raise"
    listener: Listener = silent
    root_key: bool = False
    max_nesting: int | None = None
    current: Extraction | None = field(default=None, init=False)
    stepped: set[str] = field(default_factory=set, init=False)
    repeated: dict[str, str] = field(default_factory=dict, init=False)
    ways: dict[str, Way] = field(default_factory=dict, init=False)
    cursors: dict[str, ListingCursors] = field(default_factory=dict, init=False)

    def source(self, name: str, **settings: Any) -> DltSource:
        """All of them as a dlt source; `settings` are those of `dlt.source`."""

        def rest_api() -> list[DltResource]:
            return self.build()

        settings = {"section": "rest_api", **{k: v for k, v in settings.items() if v is not None}}
        source: DltSource = dlt.source(rest_api, name=name, **settings)()
        return source

    def build(self) -> list[DltResource]:
        """Raises ConfigError for what the config asks for and headwater cannot do."""
        refuse_unknown(self.plan.config)
        built: dict[str, DltResource] = {}
        for step in self.plan.steps:
            built[step.name] = self.resource(step, built)
        return list(built.values())

    def resource(self, step: Step, built: Mapping[str, DltResource]) -> DltResource:
        if step.external is not None:
            out: DltResource = step.external
            return out
        config = step.resource
        # dlt writes into the hints it is handed.
        hints = {key: deepcopy(v) for key in HINTS if (v := getattr(config, key)) is not None}
        if "columns" in hints and self.as_tables(step):
            keys = (config.primary_key, config.merge_key)
            hints["columns"] = explicit(hints["columns"], *keys)
        incremental = None if has_cursor_per_parent(step) else incremental_of(step)
        parent = built[step.parents[0]] if len(step.parents) == 1 else None
        settings = {"name": step.name, "selected": config.selected, **hints}
        resource: DltResource
        if parent is None:
            resource = dlt.resource(self.head(step, incremental), **settings)
        else:
            function = self.child(step, incremental)
            resource = dlt.transformer(function, data_from=parent, **settings)
            if incremental is not None:
                # As a step, not as an argument: dlt binds an argument anew at every call, and the
                # rows of later parents would be measured by the cursor of earlier ones.
                incremental.set_deduplication_key(config.primary_key, from_hints=True)
                resource.add_step(incremental)
        self.add_steps(resource, step)
        return resource

    def add_steps(self, resource: DltResource, step: Step) -> None:
        for processing in step.resource.processing_steps or ():
            if processing.filter is not None:
                resource.add_filter(processing.filter)
            if processing.map is not None:
                resource.add_map(processing.map)
            if processing.yield_map is not None:
                resource.add_yield_map(processing.yield_map)
        resource.add_step(Joined(self, step))
        if self.hands_over(step):
            resource.add_step(HandOver())
            if any(child.resource.only_changed_parents for child in self.plan.children(step.name)):
                resource.add_step(HandOverChanged())
        if self.as_tables(step):
            hints = self.table_hints(step)
            says = self.notice(step), self.refuse(step), self.written(step), self.repeats(step)
            resource.add_step(Shape(hints, *says))
        else:
            resource.add_step(Nested(step.name, current_schema))

    def as_tables(self, step: Step) -> bool:
        """Whether headwater makes the tables; where hints need dlt's own way, dlt gets objects."""
        resource = step.resource
        plain = resource.write_disposition in (None, "append", "replace", "merge")
        keyless_merge = resource.merge_key is not None
        dynamic = any(
            callable(getattr(resource, key)) for key in ("table_name", "primary_key", "columns")
        )
        special = resource.nested_hints is not None or isinstance(resource.columns, type)
        return self.backend == "arrow" and plain and not (keyless_merge or dynamic or special)

    def notice(self, step: Step) -> Callable[[str], None]:
        return lambda what: self.listener(Noticed(step.name, what))

    def written(self, step: Step) -> Callable[[str, int], None]:
        return lambda table, rows: self.listener(TableWritten(step.name, table, rows))

    def repeats(self, step: Step) -> Callable[[str], None]:
        """Takes what is to be said of repeated keys; the last word counts."""
        return lambda what: self.repeated.update({step.name: what})

    def table_hints(self, step: Step) -> TableHints:
        resource = step.resource
        key = resource.primary_key
        names = () if key is None else (key,) if isinstance(key, str) else tuple(key)
        nesting = resource.max_table_nesting
        return TableHints(
            resource=step.name,
            table=resource.table_name or step.name,
            disposition=resource.write_disposition or "append",
            key=names,
            key_is_default=step.name in self.plan.config.default_keys,
            max_nesting=self.max_nesting if nesting is None else nesting,
            root_key=self.root_key,
            merges_alone=resource.write_disposition == "merge" and bool(names) and self.alone(step),
            carried=tuple(include.column for include in step.includes),
        )

    def alone(self, step: Step) -> bool:
        """Whether no other resource of the plan writes to the table of `step`."""
        names = [other.resource.table_name or other.name for other in self.plan.steps]
        return names.count(step.resource.table_name or step.name) == 1

    def extraction(self) -> Extraction:
        """The extraction of the run that is being set up or is going on."""
        if self.current is None:
            self.current = self.open()
        return self.current

    def join(self, step: Step, limit: LimitItem | None) -> None:
        """A step takes part in a run; the first to do so after a run began opens the next one."""
        if self.current is None or self.current.started:
            self.current = self.open()
        stopped = None if limit is None else (lambda: bool(limit.exhausted))
        self.current.join(step.name, stopped=stopped)

    def open(self) -> Extraction:
        settings, masker = settings_of(self.plan), masker_of(self.plan.config)
        adopt_state(self.plan)
        mark()
        recall, journal = Recall(), journal_of(self.plan)
        # Now: the thread in which a run ends does not know the destination.
        self.ways = ways = {step.name: self.way(step) for step in self.plan.steps}

        self.cursors = {
            step.name: cursors_of(step, recall, tells_news=ways[step.name].manner == "append")
            for step in self.plan.steps
            if has_cursor_per_parent(step)
        }

        def ended(failed: Collection[str]) -> None:
            for name, cursors in self.cursors.items():
                cursors.save(name, recall)
            for name, what in self.repeated.items():
                self.listener(Noticed(name, what))
            self.repeated.clear()
            if failed:
                recall.put_back(fallout(self.plan, failed, lambda step: ways[step.name]).kept)
            if failed and journal is not None:
                journal.give_up()

        def client() -> Client:
            if journal is None:
                return Client(settings, masker=masker, listener=self.listener)
            return JournalledClient(journal, settings, masker=masker, listener=self.listener)

        reader = Reader(
            self.plan,
            client,
            listener=self.listener,
            decoder_of=self.decoder,
            on_spoiled=lambda: None if journal is None else journal.spoil(),
            on_end=ended,
        )
        return Extraction(self.plan, reader, raises=self.on_incomplete == "raise")

    def refuse(self, step: Step) -> Callable[[DecodeError], None]:
        return lambda error: self.extraction().refuse(step, error)

    def fallout(self) -> Fallout:
        """What the last run must not move and not load, by what it fell short of."""
        failed = {failure.resource for failure in self.failures()}
        if not failed:
            return Fallout((), ())
        return fallout(self.plan, failed, lambda step: self.ways[step.name])

    def failures(self) -> tuple[Failure, ...]:
        """What the last run fell short of."""
        return () if self.current is None else tuple(self.current.failures)

    def way(self, step: Step) -> Way:
        """How the rows of `step` are written."""
        resource = step.resource
        manner: Manner = "append"
        hinted = getattr(current_resource(step.name), "_hints", None) or {}
        merges = merging_of({"table_format": hinted.get("table_format")}) is not Merging.NONE
        if resource.write_disposition in ("replace", {"disposition": "replace"}):
            manner = "replace"
        elif resource.write_disposition == "merge" and resource.primary_key and merges:
            manner = "append" if resource.merge_key is not None else "upsert"
        return Way(
            table=str(resource.table_name or step.name),
            manner=manner,
            has_cursor=step.external is None and incremental_of(step) is not None,
        )

    def decoder(self, step: Step) -> Decoder:
        carried = [include.column for include in step.includes]
        if has_cursor_per_parent(step) or window_of(step) is not None:
            carried.append(LISTED_AS)
        tables = foreknown(self.table_hints(step)) if self.as_tables(step) else None
        return Decoder(carried, tables=tables, exact=tables is None or self.needs_objects(step))

    def needs_objects(self, step: Step) -> bool:
        """Whether rows must be Python objects from the start: for user steps, or deep cursors."""
        incremental = incremental_of(step)
        if not self.as_tables(step) or step.name in self.stepped:
            return True
        if incremental is None:
            return False
        simple = incremental.cursor_path.replace("_", "").replace("-", "").isalnum()
        return not simple or incremental.last_value_func not in (min, max)

    def head(self, step: Step, incremental: Any) -> Callable[..., AsyncIterator[Any]]:
        """The generator function of a root listing or a union."""

        async def read(cursor: Any) -> AsyncIterator[Any]:
            run = self.extraction()
            listings = self.listings(step, cursor)
            async for batch in run.head(step, listings.of):
                for rows, is_news in self.split(run, step, listings, batch.rows):
                    yield self.item(run, step, rows, cursor, is_news=is_news)

        if incremental is None:
            return lambda: read(None)

        def bounded(cursor: dlt.sources.incremental[Any] = incremental) -> AsyncIterator[Any]:
            return read(cursor)

        return bounded

    def child(self, step: Step, incremental: Any) -> Callable[..., Any]:
        """The transformer function of a step with one parent.

        `meta` has no default on purpose: dlt takes what has one for configuration and keeps its
        values, and with them the token that says that rows are on their way.
        """

        async def read(rows: Rows, token: Any) -> AsyncIterator[Any]:
            run = self.extraction()
            listings = self.listings(step, incremental)
            async for batch in run.children(step, rows, listings.of, token):
                for found, is_news in self.split(run, step, listings, batch.rows):
                    yield self.item(run, step, found, incremental, is_news=is_news)

        def handed(item: Any, meta: Any) -> Any:
            if isinstance(meta, Parent):
                given = meta.changed if step.resource.only_changed_parents else meta.rows
                return None if given is None else read(given, meta.token)
            if not self.is_external(step):
                return None
            rows = item if isinstance(item, list) or hasattr(item, "schema") else [item]
            return read(rows, None) if len(rows) else None

        return handed

    def hands_over(self, step: Step) -> bool:
        """Whether children are handed the rows of `step`; a union takes values from a feed."""
        return any(len(child.parents) == 1 for child in self.plan.children(step.name))

    def is_external(self, step: Step) -> bool:
        return self.plan.step(step.parents[0]).external is not None

    def listings(self, step: Step, cursor: Any) -> Listings:
        """The cursors of the listings of a step; `cursor` is dlt's own, None without one."""
        if step.name in self.cursors:
            return self.cursors[step.name]
        return listings_of(step, cursor)

    def split(
        self, run: Extraction, step: Step, listings: Listings, rows: Rows
    ) -> Iterator[tuple[Rows, bool]]:
        """The rows that cursors let pass, then, where children ask for them, those they do not."""
        try:
            news, others = listings.keep(rows) if len(rows) else (rows, [])
        except DecodeError as error:
            run.refuse(step, error)
            return
        yield news, True
        if len(others) and self.hands_over(step):
            yield others, False

    def item(
        self, run: Extraction, step: Step, rows: Rows, cursor: Any, *, is_news: bool = True
    ) -> Any:
        """A batch as dlt takes it: rows, with a token where children wait for them.

        The meta is set even where it is None: an item without one inherits that of its parent.
        """
        if len(rows) == 0:
            return DataItemWithMeta(None, [])
        if not self.as_tables(step):
            rows = list(objects_of(rows))
        elif isinstance(step.incremental, Incremental):
            rows = with_cursor_column(rows, step.incremental, cursor)
        waited = self.hands_over(step)
        parent = Parent(run.token(step.name), is_news=is_news) if waited else None
        return DataItemWithMeta(parent, rows)


class Joined(ItemTransform[Any, Any]):
    """Says at the start of a run that its resource takes part; passes items on as they are."""

    placement_affinity = -0.5

    def __init__(self, resources: Resources, step: Step) -> None:
        super().__init__(lambda item: item)
        self.resources = resources
        self.step = step

    def bind(self, pipe: Any) -> Joined:
        self.resources.join(self.step, pipe.get_by_type(LimitItem))
        if pipe.find(MapItem, FilterItem, YieldMapItem) >= 0:
            self.resources.stepped.add(self.step.name)
        return self

    def __call__(self, item: Any, meta: Any = None) -> Any:
        return item

"""What dlt raises, said in headwater's words: one line, the cause first, secrets masked."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.exceptions import MissingDependencyException
from dlt.pipeline.exceptions import PipelineStepFailed

from headwater.errors import HeadwaterError, LoadError, UsageError
from headwater.load.destination import Target

__all__ = ["explained", "own_error"]


@contextlib.contextmanager
def explained(target: Target, mask: Any) -> Iterator[None]:
    """Turns dlt's exceptions into ours, in one line, secrets masked."""
    try:
        yield
    except PipelineStepFailed as failed:
        own = own_error(failed)
        if own is not None:
            raise own from None
        if missing := of_type(failed, ConfigFieldMissingException):
            raise UsageError(mask(f"{target.name}: {lacking(missing)}")) from failed
        if missing := of_type(failed, MissingDependencyException):
            raise UsageError(not_installed(target, missing)) from failed
        cause = root_cause(failed)
        kept = " (what was fetched is kept: the next sync loads it, --full-refresh drops it)"
        text = mask(f"{target.location}: {failed.step} failed: {first_line(cause)}")
        text += "" if failed.step == "extract" else kept
        raise LoadError(text) from failed
    except ConfigFieldMissingException as missing:
        raise UsageError(mask(f"{target.name}: {lacking(missing)}")) from missing
    except HeadwaterError:
        raise
    except PermissionError as error:
        hint = "give another folder in DLT_DATA_DIR, or make this one writable"
        raise UsageError(f"{error.filename}: {error.strerror} ({hint})") from error
    except (MissingDependencyException, ImportError) as missing:
        raise UsageError(not_installed(target, missing)) from missing
    except Exception as error:
        raise LoadError(mask(f"{target.location}: {first_line(error)}")) from error


def lacking(missing: BaseException) -> str:
    """The settings that dlt found nowhere, and the first place that it looked for one of them."""
    text = str(missing)
    fields = re.findall(r"missing field\(s\): (.+)", text) or [first_line(missing)]
    looked = re.findall(r"\(Environment Variables, (\w+)\)", text)
    hint = f" (say it in the URL, or set {looked[-2]})" if len(looked) > 1 else ""
    return f"missing: {fields[0].replace('`', '')}{hint}"


def not_installed(target: Target, missing: BaseException) -> str:
    return f"{target.name}: {first_line(missing)} (pip install 'headwater[{target.name}]')"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def own_error(error: BaseException) -> HeadwaterError | None:
    for item in chain(error):
        if isinstance(item, HeadwaterError):
            return item
    return None


def of_type(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    return next((item for item in chain(error) if isinstance(item, kind)), None)


def root_cause(error: BaseException) -> BaseException:
    return list(chain(error))[-1]


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__

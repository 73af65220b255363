"""How the API of a plan is spoken to, and which of its texts are secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration

from headwater import __version__
from headwater.config.models import Resource
from headwater.config.read import Config
from headwater.config.secret import Secret
from headwater.fetch.auth import Masker, is_sensitive, secrets_of
from headwater.fetch.client import Settings
from headwater.fetch.foreign import OwnSession
from headwater.fetch.retry import RetryRule
from headwater.plan.graph import Plan

__all__ = ["masker_of", "settings_of"]


def settings_of(plan: Plan) -> Settings:
    """How the API of a plan is spoken to, by its config and dlt's runtime settings."""
    client = plan.config.client
    runtime = resolve_configuration(RuntimeConfiguration())
    absolute = [step.path for step in plan.steps if step.path.startswith(("http://", "https://"))]
    hosts = tuple("/".join(url.split("/")[:3]) for url in absolute)
    session = client.session if isinstance(client.session, OwnSession) else None
    # A session that tries again by itself would do so within each of our tries.
    tries = 1 if session is not None and session.repeats else runtime.request_max_attempts
    return Settings(
        base_url=client.base_url,
        headers={name: str(v) for name, v in (client.headers or {}).items() if v is not None},
        max_concurrency=client.max_concurrency,
        rate_limit=client.rate_limit,
        allowed_hosts=(*client.allowed_hosts, *hosts),
        max_body_bytes=client.max_body_bytes,
        timeout_s=runtime.request_timeout,
        retries=RetryRule(
            max_retries=tries - 1,
            backoff_factor=runtime.request_backoff_factor,
            max_wait_s=runtime.request_max_retry_delay,
        ),
        user_agent=f"headwater/{__version__}",
        session=session,
    )


def masker_of(config: Config) -> Masker:
    """Masks every secret of a config: credentials, filled-in ones, headers that look like them."""
    found: set[Secret] = set(config.secrets)
    found |= set(secrets_of(config.client.auth))
    if isinstance(config.client.session, OwnSession):
        found |= set(config.client.session.secrets)
    headers: list[Mapping[str, Any]] = [config.client.headers or {}]
    for item in config.resources:
        if isinstance(item, Resource):
            found |= set(secrets_of(item.endpoint.auth))
            headers += [item.endpoint.headers or {}, item.endpoint.params or {}]
    for name, value in ((n, v) for part in headers for n, v in part.items()):
        if isinstance(value, str) and value and is_sensitive(name):
            found |= {Secret(value), Secret(value.split()[-1])}
    return Masker(frozenset(found))

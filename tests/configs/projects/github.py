"""Issues of a repository with their comments and reactions, by Link headers."""

from typing import Any

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_resources

REPOSITORY = "octo-org/octo-repo"


def without_body(item: dict[str, Any]) -> dict[str, Any]:
    item.pop("body", None)
    return item


@dlt.source(name="github")
def source(access_token: str = dlt.secrets.value) -> Any:
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"https://api.github.com/repos/{REPOSITORY}/",
            "auth": {"type": "bearer", "token": access_token},
            "headers": {"Accept": "application/vnd.github+json"},
            "paginator": "header_link",
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"per_page": 5}},
        },
        "resources": [
            {
                "name": "issues",
                "endpoint": {
                    "path": "issues",
                    "params": {
                        "sort": "updated",
                        "direction": "asc",
                        "state": "all",
                        "since": {
                            "type": "incremental",
                            "cursor_path": "updated_at",
                            "initial_value": "2024-01-05T00:00:00Z",
                        },
                    },
                },
                "processing_steps": [
                    {"filter": lambda item: "pull_request" not in item},
                    {"map": without_body},
                ],
            },
            {
                "name": "issue_comments",
                "endpoint": {
                    "path": "issues/{issue_number}/comments",
                    "params": {
                        "issue_number": {
                            "type": "resolve",
                            "resource": "issues",
                            "field": "number",
                        }
                    },
                    "response_actions": [{"status_code": 404, "action": "ignore"}],
                },
                "include_from_parent": ["number", "title"],
            },
            {
                "name": "comment_reactions",
                "endpoint": {
                    "path": "issues/comments/{resources.issue_comments.id}/reactions",
                    "response_actions": [{"content": "Not Found", "action": "ignore"}],
                },
                "include_from_parent": ["id"],
            },
            {"name": "contributors", "write_disposition": "replace"},
        ],
    }
    yield from rest_api_resources(config)

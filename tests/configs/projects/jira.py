"""A tracker with its two ways of paging: offsets with a total, and page tokens."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

OFFSETS = {
    "type": "offset",
    "limit": 4,
    "offset_param": "startAt",
    "limit_param": "maxResults",
    "total_path": "total",
}


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://acme.atlassian.net/rest/api/3",
            "auth": {
                "type": "http_basic",
                "username": "bot@acme.example",
                "password": dlt.secrets["jira_token"],
            },
        },
        "resources": [
            {
                "name": "projects",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "project/search",
                    "data_selector": "values",
                    "paginator": OFFSETS,
                },
            },
            {
                "name": "versions",
                "primary_key": "id",
                "write_disposition": "merge",
                "include_from_parent": ["key"],
                "endpoint": {
                    "path": "project/{project}/version",
                    "params": {
                        "project": {"type": "resolve", "resource": "projects", "field": "key"},
                        "orderBy": "name",
                    },
                    "data_selector": "values",
                    "paginator": OFFSETS,
                },
            },
            {
                "name": "issues",
                "primary_key": "id",
                "write_disposition": "merge",
                "max_table_nesting": 2,
                "endpoint": {
                    "path": "search/jql",
                    "params": {"jql": "updated >= '{incremental.start_value}'", "fields": "*all"},
                    "data_selector": "issues",
                    "incremental": {
                        "cursor_path": "fields.updated",
                        "initial_value": "2024-01-02 00:00",
                        "convert": lambda value: value.replace("T", " ")[:16],
                    },
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "nextPageToken",
                        "cursor_param": "nextPageToken",
                    },
                },
            },
        ],
    }
    return rest_api_source(config, name="jira")

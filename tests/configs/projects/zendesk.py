"""Tickets of a help desk, by cursor and `has_more`, with the comments of each."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def paging(**more):
    return {
        "type": "cursor",
        "cursor_path": "meta.after_cursor",
        "cursor_param": "page[after]",
        "has_more_path": "meta.has_more",
        **more,
    }


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://acme.zendesk.com/api/v2/",
            "auth": {
                "type": "http_basic",
                "username": "me@acme.example/token",
                "password": dlt.secrets["zendesk_token"],
            },
            "paginator": paging(),
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"page[size]": 4}},
        },
        "resources": [
            {"name": "tickets", "endpoint": {"path": "tickets.json", "data_selector": "tickets"}},
            {
                "name": "ticket_comments",
                "parallelized": True,
                "include_from_parent": ["id", "subject"],
                "endpoint": {
                    "path": "tickets/{ticket_id}/comments.json",
                    "params": {
                        "ticket_id": {"type": "resolve", "resource": "tickets", "field": "id"}
                    },
                    "data_selector": "comments",
                    "response_actions": [{"status_code": 404, "action": "ignore"}],
                },
            },
        ],
    }
    return rest_api_source(config, name="zendesk", parallelized=True)

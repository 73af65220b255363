"""Users and their meetings, by `next_page_token`, which is empty at the end."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://api.zoom.us/v2",
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": "https://api.zoom.us/oauth/token",
                "client_id": dlt.secrets["zoom_client_id"],
                "client_secret": dlt.secrets["zoom_client_secret"],
                "access_token_request_data": {"account_id": "acme"},
            },
            "paginator": {
                "type": "cursor",
                "cursor_path": "next_page_token",
                "cursor_param": "next_page_token",
            },
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"page_size": 4}},
        },
        "resources": [
            {"name": "users", "endpoint": {"path": "/users", "data_selector": "users"}},
            {
                "name": "meetings",
                "primary_key": "uuid",
                "include_from_parent": ["id", "email"],
                "endpoint": {
                    "path": "/users/{resources.users.id}/meetings",
                    "params": {"type": "scheduled", "page_size": 2},
                    "data_selector": "meetings",
                },
            },
        ],
    }
    return rest_api_source(config, name="zoom", max_table_nesting=1)

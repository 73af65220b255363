"""Channels of a chat with their messages, by `response_metadata.next_cursor`."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://slack.com/api/",
            "auth": {"type": "bearer", "token": dlt.secrets["slack_token"]},
            "paginator": {
                "type": "cursor",
                "cursor_path": "response_metadata.next_cursor",
                "cursor_param": "cursor",
            },
        },
        "resources": [
            {
                "name": "channels",
                "primary_key": "id",
                "write_disposition": "replace",
                "endpoint": {
                    "path": "conversations.list",
                    "params": {"limit": 3, "types": "public_channel"},
                    "data_selector": "channels",
                },
            },
            {
                "name": "messages",
                "primary_key": ["channel", "ts"],
                "write_disposition": "merge",
                "endpoint": {
                    "path": "conversations.history",
                    "params": {
                        "channel": "{resources.channels.id}",
                        "limit": 4,
                        "oldest": "{incremental.start_value}",
                    },
                    "incremental": {"cursor_path": "ts", "initial_value": "1700000000.000000"},
                    "data_selector": "messages",
                },
            },
        ],
    }
    return rest_api_source(config, name="slack")

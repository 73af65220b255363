"""Pages of a wiki's databases: a search by POST, its cursor in the body."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

CURSOR = {
    "type": "cursor",
    "cursor_path": "next_cursor",
    "cursor_body_path": "start_cursor",
    "has_more_path": "has_more",
}


def titles(item):
    item["title"] = "".join(part["plain_text"] for part in item.pop("title_parts", []))
    return item


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://api.notion.com/v1/",
            "auth": {"type": "bearer", "token": dlt.secrets["notion_token"]},
            "headers": {"Notion-Version": "2022-06-28"},
            "paginator": CURSOR,
        },
        "resource_defaults": {"endpoint": {"method": "POST", "data_selector": "results"}},
        "resources": [
            {
                "name": "databases",
                "selected": False,
                "endpoint": {
                    "path": "search",
                    "json": {"filter": {"value": "database", "property": "object"}, "page_size": 2},
                },
            },
            {
                "name": "pages",
                "primary_key": "id",
                "write_disposition": "merge",
                "max_table_nesting": 0,
                "include_from_parent": ["id"],
                "endpoint": {
                    "path": "databases/{resources.databases.id}/query",
                    "json": {
                        "page_size": 3,
                        "filter": {"created_by": "{resources.databases.owner.id}"},
                    },
                },
                "processing_steps": [{"map": titles}],
            },
        ],
    }
    return rest_api_source(config, name="notion")

"""Records of the tables of a base, by an offset that is a token."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source
from dlt.sources.rest_api.typing import EndpointResource

TABLES = {"tblOne": "people", "tblTwo": "things"}


def records(table: str, name: str) -> EndpointResource:
    return {
        "name": name,
        "write_disposition": "replace",
        "endpoint": {
            "path": f"v0/appBase/{table}",
            "params": {"pageSize": 4, "fields": ["Name", "Size"]},
            "data_selector": "records",
            "paginator": {"type": "cursor", "cursor_path": "offset", "cursor_param": "offset"},
        },
    }


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://api.airtable.com",
            "auth": {
                "type": "api_key",
                "name": "Authorization",
                "api_key": "Bearer " + dlt.secrets["airtable_key"],
                "location": "header",
            },
        },
        "resources": [records(table, name) for table, name in TABLES.items()],
    }
    return rest_api_source(config, name="airtable")

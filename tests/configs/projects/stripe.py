"""Customers, charges and subscriptions of a payment service, by the id of the last row."""

import dlt
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

ENDPOINTS = ("customers", "charges", "subscriptions")


def paginator() -> JSONResponseCursorPaginator:
    return JSONResponseCursorPaginator(
        cursor_path="data[-1].id", cursor_param="starting_after", has_more_path="has_more"
    )


def resource(name: str) -> dict:
    return {
        "name": name,
        "endpoint": {
            "path": name,
            "params": {"limit": 4},
            "data_selector": "data",
            "paginator": paginator(),
            "incremental": {
                "start_param": "created[gte]",
                "cursor_path": "created",
                "initial_value": 1700000000,
            },
        },
    }


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://api.stripe.com/v1/",
            "auth": {"type": "http_basic", "username": dlt.secrets["stripe_key"], "password": ""},
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "max_table_nesting": 1,
        },
        "resources": [resource(name) for name in ENDPOINTS],
    }
    return rest_api_source(config, name="stripe")

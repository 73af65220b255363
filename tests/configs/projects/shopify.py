"""Products and orders of a shop, by Link headers; the key goes in a header of its own."""

import dlt
from dlt.sources.helpers.rest_client.auth import APIKeyAuth
from dlt.sources.helpers.rest_client.paginators import HeaderLinkPaginator
from dlt.sources.rest_api import RESTAPIConfig, rest_api_resources


@dlt.source(max_table_nesting=2)
def source(api_key: str = dlt.secrets.value, version: str = "2024-01"):
    """All products, and the orders since the last run."""
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"https://acme.myshopify.com/admin/api/{version}",
            "auth": APIKeyAuth(name="X-Shopify-Access-Token", api_key=api_key, location="header"),
            "paginator": HeaderLinkPaginator(links_next_key="next"),
        },
        "resource_defaults": {"primary_key": "id", "endpoint": {"params": {"limit": 6}}},
        "resources": [
            {
                "name": "products",
                "table_name": "shop_products",
                "write_disposition": "replace",
                "columns": {"price": {"data_type": "decimal"}, "meta": {"data_type": "json"}},
                "endpoint": {"path": "products.json", "data_selector": "$.products[*]"},
            },
            {
                "name": "orders",
                "write_disposition": {"disposition": "merge"},
                "endpoint": {
                    "path": "orders.json",
                    "data_selector": "orders",
                    "params": {
                        "status": "any",
                        "updated_at_min": dlt.sources.incremental(
                            "updated_at", initial_value="2024-01-02T00:00:00Z"
                        ),
                    },
                },
            },
        ],
    }
    yield from rest_api_resources(config)

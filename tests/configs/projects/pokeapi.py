"""Names of an open API, and the details of some, all paging found out by itself."""

from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def source():
    config: RESTAPIConfig = {
        "client": {"base_url": "https://pokeapi.co/api/v2/"},
        "resource_defaults": {"endpoint": {"params": {"limit": 7}}},
        "resources": [
            "berry",
            {"name": "pokemon", "endpoint": "pokemon"},
            {
                "name": "pokemon_details",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "pokemon/{name}",
                    "params": {
                        "name": {"type": "resolve", "resource": "pokemon", "field": "name"},
                        "limit": None,
                    },
                },
            },
        ],
    }
    return rest_api_source(config).with_resources("berry", "pokemon_details")

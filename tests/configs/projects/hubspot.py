"""Objects of a CRM, by `paging.next.after`, and a search by POST."""

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

OBJECTS = {"contacts": "firstname,lastname", "companies": "name,domain"}


def source():
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://api.hubapi.com/crm/v3/",
            "auth": {"token": dlt.secrets["hubspot_token"]},
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "replace"},
        "resources": [
            *(
                {
                    "name": name,
                    "endpoint": {
                        "path": f"objects/{name}",
                        "params": {"limit": 5, "properties": properties},
                        "data_selector": "results",
                        "paginator": {
                            "type": "cursor",
                            "cursor_path": "paging.next.after",
                            "cursor_param": "after",
                        },
                    },
                }
                for name, properties in OBJECTS.items()
            ),
            {
                "name": "changed_deals",
                "write_disposition": "append",
                "endpoint": {
                    "path": "objects/deals/search",
                    "method": "POST",
                    "data_selector": "results",
                    "json": {
                        "limit": 3,
                        "filterGroups": [
                            {
                                "filters": [
                                    {
                                        "propertyName": "updatedAt",
                                        "operator": "GTE",
                                        "value": "{incremental.start_value}",
                                    }
                                ]
                            }
                        ],
                    },
                    "incremental": {
                        "cursor_path": "updatedAt",
                        "initial_value": "2024-01-03T00:00:00Z",
                    },
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "paging.next.after",
                        "cursor_body_path": "after",
                    },
                },
            },
        ],
    }
    return rest_api_source(config, name="hubspot")

"""Answers of a query language, by `nextRecordsUrl`, which is a path."""

import dlt
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator
from dlt.sources.rest_api import RESTAPIConfig, rest_api_resources

FIELDS = {"Account": ["Id", "Name"], "Contact": ["Id", "Email", "AccountId"]}


def cleaned(record):
    return {key: value for key, value in record.items() if key != "attributes"}


def soql(name):
    return {
        "name": name.lower(),
        "primary_key": "Id",
        "write_disposition": "merge",
        "columns": {"LastModifiedDate": {"data_type": "timestamp"}},
        "endpoint": {
            "path": "query",
            "params": {"q": f"SELECT {', '.join(FIELDS[name])} FROM {name}"},
            "data_selector": "records",
            "paginator": JSONLinkPaginator(next_url_path="nextRecordsUrl"),
        },
        "processing_steps": [{"map": cleaned}],
    }


@dlt.source
def source(access_token: str = dlt.secrets.value):
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://acme.my.salesforce.com/services/data/v60.0/",
            "auth": {"token": access_token},
        },
        "resources": [soql(name) for name in FIELDS],
    }
    return rest_api_resources(config)

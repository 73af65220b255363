"""Groups, projects and pipelines in three levels, by page numbers and by keyset links."""

import dlt
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def source(per_page: int = 3):
    pages = {"per_page": per_page}
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://gitlab.com/api/v4/",
            "auth": {
                "type": "api_key",
                "name": "private_token",
                "api_key": dlt.secrets["gitlab_token"],
                "location": "query",
            },
            "paginator": PageNumberPaginator(base_page=1, page_param="page", total_path=None),
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            {"name": "groups", "endpoint": {"path": "groups", "params": pages}},
            {
                "name": "projects",
                "include_from_parent": ["id"],
                "endpoint": {
                    "path": "groups/{resources.groups.id}/projects",
                    "params": {**pages, "pagination": "keyset", "order_by": "id"},
                    "paginator": "header_link",
                },
                "processing_steps": [{"filter": lambda project: not project["archived"]}],
            },
            {
                "name": "pipelines",
                "primary_key": ["project_id", "id"],
                "endpoint": {
                    "path": "projects/{project_id}/pipelines",
                    "params": {
                        "project_id": {"type": "resolve", "resource": "projects", "field": "id"},
                        **pages,
                    },
                    "response_actions": [
                        {"status_code": 403, "content": "disabled", "action": "ignore"}
                    ],
                },
            },
        ],
    }
    return rest_api_source(config, name="gitlab")

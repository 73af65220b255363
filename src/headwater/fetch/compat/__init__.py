"""What a config for dlt brings along in code, taken as it is: paginators, auth, hooks, sessions."""

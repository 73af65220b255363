"""Stage 1, what the API is: a dict, a file or a connector's name becomes a Config."""

"""Packaged connectors: YAML data only."""

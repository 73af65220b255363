"""Stage 6, into the warehouse: dlt resources, hints, state and destinations."""

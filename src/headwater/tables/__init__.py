"""Stage 5, tables take shape: rows become flat tables, nested lists child tables with keys."""

"""Two-way reconciliation: configurations compiled to mappings, and their runs stage by stage."""

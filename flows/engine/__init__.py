"""The reconciliation rules, pure: no I/O, no clock, no Prefect."""

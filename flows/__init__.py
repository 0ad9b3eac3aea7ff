"""What happens: the engine, the phases of a run, connectors, the store, and their Prefect shell."""

"""Migrations of the store, oldest first; `flows.store.schema` runs them."""

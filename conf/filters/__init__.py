"""The query-filter language: one syntax tree, compiled to predicates here and to SQL by the store."""

"""A reconciliation run: its sides, its pages, its phases and what it leaves behind."""

"""Scripts of mappings: JavaScript with limits, and Python callables by dotted name."""

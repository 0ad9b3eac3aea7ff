"""REST: HTTP translated to calls on the router."""

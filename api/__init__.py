"""HTTP, and nothing that outlives a request."""

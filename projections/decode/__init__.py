"""One decoder per family of events."""

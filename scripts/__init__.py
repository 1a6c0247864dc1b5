"""The commands: each parses, calls one thing below, and reports."""

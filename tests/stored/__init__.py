"""Stores of this version and of those past, as text, so that each can be upgraded in a test."""

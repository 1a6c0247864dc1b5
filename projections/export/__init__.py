"""The history as files that analysts' tools read as they are."""

"""Reading as of a moment: folded from the facts that were known then, and nothing stored."""

"""Search: the words of texts, what is asked for, and where a text says it."""

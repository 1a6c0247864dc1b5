"""The transcript of a chat: one page that needs nothing else, to read, to print, to hand over."""

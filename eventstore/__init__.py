"""The truth: bytes in, in order, for ever."""

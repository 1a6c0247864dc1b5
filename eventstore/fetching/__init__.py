"""Fetching: whom a portal is asked as, what it is asked, and what of its answers may be forgotten.

Nothing here knows what a message is.
"""

"""A simulated Bitrix24 that knows the truth: what was written in it, and who was told of it.

Tests use a `Portal` in their own process (`await portal.call(…)`), or over HTTPS (`serving`);
`python -m tests.portal` serves one in which people go on talking.
"""

"""What documents show is what the program really answers: `python -m tests.described`.

It writes docs/http.md, the answers in docs/audit.md and docs/analytics.md, and the examples of the
OpenAPI document. A test fails where they are not what is answered.
"""

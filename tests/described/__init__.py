"""The HTTP contract, described by what a server really answers: `python -m tests.described`.

It writes docs/http.md, the answers in docs/audit.md, and the examples of the OpenAPI document. A
test fails where they are not what a server answers.
"""

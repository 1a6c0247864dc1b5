"""A simulated week: a million events, fifty faults, and nothing lost that could be had.

The portal lives here, with its people and its clock. Those who poll it are a process that is
killed for good now and then; it asks through a pipe, so that a week takes minutes.
"""

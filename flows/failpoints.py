"""Failpoints of the flows; see `conf.failpoints` for what they are and how tests arm them."""

from conf.failpoints import FailpointReached, failpoint

__all__ = ["FailpointReached", "failpoint"]

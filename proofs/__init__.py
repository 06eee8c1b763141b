"""Proof of Controls: prove a live MySQL or MariaDB host, control by control, and sign what was seen."""

__version__ = "0.1.0"

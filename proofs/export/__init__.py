"""Formats others read, made from an assessment."""

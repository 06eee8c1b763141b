"""Probes of the surface data_protection."""

"""Probes of the surface host."""

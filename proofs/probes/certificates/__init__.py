"""Probes of the surface certificates."""

"""Probes of the surface transport."""

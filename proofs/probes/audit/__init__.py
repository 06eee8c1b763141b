"""Probes of the surface audit."""

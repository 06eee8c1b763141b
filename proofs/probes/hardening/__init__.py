"""Probes of the surface hardening."""

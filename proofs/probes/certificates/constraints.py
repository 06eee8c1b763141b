"""What a certificate of each kind must and must not be allowed to do (RFC 5280 section 4.2.1)."""

from __future__ import annotations

from proofs.probes.certificates.x509 import ANY_USAGE, Certificate, purpose


def ca_fault(certificate: Certificate) -> str | None:
    """Why this is no proper CA certificate, or None: basicConstraints critical CA:TRUE, keyCertSign and cRLSign."""
    found = purpose(certificate)
    faults = {
        "is not marked as a CA (basicConstraints)": not found.is_ca,
        "has basicConstraints that are not critical": not found.ca_critical,
        "may not sign certificates (keyUsage)": not found.signs_certificates,
        "may not sign revocation lists (keyUsage)": not found.signs_lists,
        "has a keyUsage that is not critical": not found.usage_critical,
    }
    return next((fault for fault, applies in faults.items() if applies), None)


def leaf_fault(certificate: Certificate, role: str, other: str) -> str | None:
    """Why this is no proper certificate for the extended key usage `role` alone, or None."""
    found = purpose(certificate)
    roles = found.roles or frozenset()
    faults = {
        "is a CA": bool(found.is_ca),
        "does not say that it is no CA (basicConstraints)": found.is_ca is None,
        "has no keyUsage digitalSignature": not found.signs_data,
        "may sign certificates or revocation lists (keyUsage)": found.signs_certificates or found.signs_lists,
        "has no extended key usage, so it is good for every role": found.roles is None,
        "lacks the extended key usage of its role": role not in roles,
        "has the extended key usage of another role": bool(roles & {other, ANY_USAGE}),
    }
    return next((fault for fault, applies in faults.items() if applies), None)

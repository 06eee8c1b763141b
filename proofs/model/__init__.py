"""The vocabulary: frozen dataclasses, no I/O."""

from proofs.model.application import (
    Anchors,
    Application,
    Audit,
    AuditHead,
    Recipe,
    RecipePart,
    Records,
    Tenancy,
    Tenant,
    TenantWrite,
)
from proofs.model.controls import (
    Catalogue,
    Control,
    Engine,
    Parameter,
    ParameterValue,
    Profile,
    Severity,
    SupportedSeries,
)
from proofs.model.evidence import Exchange, Json, Request
from proofs.model.host import STRANGER, Admitted, Benchmark, Host, LogForwarding
from proofs.model.targets import (
    ClientConfiguration,
    Database,
    Identity,
    KeyPair,
    SecretRef,
    Target,
    Vantage,
)
from proofs.model.verdicts import ProbeResult, Verdict

__all__ = [
    "STRANGER",
    "Admitted",
    "Anchors",
    "Application",
    "Audit",
    "AuditHead",
    "Benchmark",
    "Catalogue",
    "ClientConfiguration",
    "Control",
    "Database",
    "Engine",
    "Exchange",
    "Host",
    "Identity",
    "Json",
    "KeyPair",
    "LogForwarding",
    "Parameter",
    "ParameterValue",
    "ProbeResult",
    "Profile",
    "Recipe",
    "RecipePart",
    "Records",
    "Request",
    "SecretRef",
    "Severity",
    "SupportedSeries",
    "Target",
    "Tenancy",
    "Tenant",
    "TenantWrite",
    "Vantage",
    "Verdict",
]

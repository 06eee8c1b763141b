"""The bundle: one signed, deterministic archive of a run, sealed and read with suspicion."""

from proofs.bundle.read import VerifiedBundle, open_verified
from proofs.bundle.seal import seal
from proofs.bundle.signers import PublicKey, Signer, ephemeral, generate, load

__all__ = ["PublicKey", "Signer", "VerifiedBundle", "ephemeral", "generate", "load", "open_verified", "seal"]

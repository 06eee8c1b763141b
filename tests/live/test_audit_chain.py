"""Sixteen connections write at the same time, commit and roll back: one gapless chain, and all that was committed."""

import threading

import pytest
from sessions import ask, connect

from proofs.lab import lease
from proofs.ledger import Hasher, in_blocks, verify
from proofs.ledger.chain import Checkpoint
from proofs.model import Recipe, RecipePart

pytestmark = pytest.mark.live

TENANTS = {"app": "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5", "app-other": "c7d94e10-3f8b-4a6d-8e21-5b6a7c8d9e0f"}
WRITERS = 8
ROUNDS = 12
RECIPE = Recipe((RecipePart(column="prev_hash"), RecipePart(column="payload")))
EVENTS = "SELECT id, prev_hash, curr_hash, prev_hash, payload FROM securedb.audit_events ORDER BY id"
HEAD = "SELECT id, hash FROM securedb.audit_head"


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_one_chain_of_sixteen_writers(engine):
    with lease(f"sixteen-{engine}", engine) as lab:
        auditor = connect(lab, "auditor")
        (before,) = ask(auditor, HEAD)
        auditor.rollback()
        failed: list[BaseException] = []
        barrier = threading.Barrier(2 * WRITERS, timeout=60)

        def write(identity, session):
            try:
                user = ask(session, "SELECT LOWER(HEX(user_id)) FROM securedb.tenant_users LIMIT 1")[0][0]
                call = f"CALL securedb.app_open_account('{TENANTS[identity]}', '{user}', 'EUR')"
                barrier.wait()
                for number in range(ROUNDS):
                    ask(session, call)
                    session.rollback() if number % 4 == 3 else session.commit()
            except BaseException as error:
                failed.append(error)
                barrier.abort()
                raise

        sessions = [(identity, connect(lab, identity)) for identity in TENANTS for _ in range(WRITERS)]
        for identity, session in sessions:
            ask(session, f"CALL securedb.security_set_tenant('{TENANTS[identity]}')")
            session.commit()
        threads = [threading.Thread(target=write, args=pair) for pair in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not failed
        rows = [[row[0], *(str(cell).encode() for cell in row[1:])] for row in ask(auditor, EVENTS)]
        (head,) = ask(auditor, HEAD)
        for _, session in sessions:
            session.close()
        auditor.close()
    report = verify(
        lambda: in_blocks(rows),
        Hasher(RECIPE),
        previous="prev_hash",
        genesis=b"0" * 64,
        head=Checkpoint(head[0], head[1].encode()),
    )
    assert report.intact, report.findings
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert head[0] - before[0] == 2 * WRITERS * ROUNDS * 3 // 4

"""The database as a client sees it, on pymysql."""

from proofs.channels.sql.channel import Sql

__all__ = ["Sql"]

"""Runs the migrations on the connection that `campaigns.schema` hands in."""

from alembic import context

import campaigns.models
import sends.models  # noqa: F401 - its tables register with the metadata
from audiences.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

__all__ = ["campaigns"]

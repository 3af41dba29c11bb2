"""connections that are counted over all workers."""

import sqlalchemy as sa
from alembic import op

import audiences.database

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('connection_slot',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('owner', sa.String(length=36), nullable=False),
    sa.Column('lease_until', audiences.database.UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('key', 'number', name=op.f('pk_connection_slot'))
    )


def downgrade() -> None:
    op.drop_table('connection_slot')

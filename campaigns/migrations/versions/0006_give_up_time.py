"""campaigns with a time to give up of their own."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('campaign', sa.Column('give_up_hours', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column('campaign', 'give_up_hours')

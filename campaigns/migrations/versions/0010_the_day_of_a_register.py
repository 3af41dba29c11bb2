"""the day that an imported register tells of."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('import_run', sa.Column('source_date', sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column('import_run', 'source_date')

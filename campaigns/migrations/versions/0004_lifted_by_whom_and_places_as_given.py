"""who lifted a suppression and why; communes as they were written, and who corrected a place."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('suppression', schema=None) as batch_op:
        batch_op.add_column(sa.Column('lifted_by', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('lifted_why', sa.Text(), nullable=True))
    with op.batch_alter_table('company', schema=None) as batch_op:
        batch_op.add_column(sa.Column('commune_given', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('commune_code_given', sa.String(length=5), nullable=True))
        batch_op.add_column(sa.Column('placed_by', sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('company', schema=None) as batch_op:
        batch_op.drop_column('placed_by')
        batch_op.drop_column('commune_code_given')
        batch_op.drop_column('commune_given')
    with op.batch_alter_table('suppression', schema=None) as batch_op:
        batch_op.drop_column('lifted_why')
        batch_op.drop_column('lifted_by')

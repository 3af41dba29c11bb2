"""campaigns that change or cancel the webinar of another one."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('campaign') as batch:
        batch.add_column(sa.Column('webinar_id', sa.Integer(), nullable=True))
        batch.add_column(sa.Column('webinar_change', sa.String(length=6), nullable=True))
        batch.add_column(sa.Column('webinar_sequence', sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f('fk_campaign_webinar_id_campaign'), 'campaign', ['webinar_id'], ['id'])


def downgrade() -> None:
    with op.batch_alter_table('campaign') as batch:
        batch.drop_constraint(op.f('fk_campaign_webinar_id_campaign'), type_='foreignkey')
        batch.drop_column('webinar_sequence')
        batch.drop_column('webinar_change')
        batch.drop_column('webinar_id')

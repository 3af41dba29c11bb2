"""campaigns that change or cancel the webinar of another one."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Written out, as alembic would copy the table on SQLite, and dropping the old one breaks the keys of its deliveries.
    op.execute(
        'ALTER TABLE campaign ADD COLUMN webinar_id INTEGER'
        ' CONSTRAINT fk_campaign_webinar_id_campaign REFERENCES campaign (id)'
    )
    op.add_column('campaign', sa.Column('webinar_change', sa.String(length=6), nullable=True))
    op.add_column('campaign', sa.Column('webinar_sequence', sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('campaign') as batch:
        batch.drop_column('webinar_sequence')
        batch.drop_column('webinar_change')
        batch.drop_column('webinar_id')

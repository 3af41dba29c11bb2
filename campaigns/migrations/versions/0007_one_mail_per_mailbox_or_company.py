"""one mail per mailbox or company, follow-ups, and the audience as it was when a campaign was scheduled."""

import sqlalchemy as sa
from alembic import op

import audiences.database

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

NOT_PROSPECTED = sa.text("diffusion IN ('P', 'N')")


def upgrade() -> None:
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.add_column(sa.Column('part', sa.Integer(), server_default='0', nullable=False))
        batch_op.drop_constraint(op.f('uq_delivery_campaign_id_address_key'), type_='unique')
        batch_op.create_unique_constraint(
            op.f('uq_delivery_campaign_id_address_key_part'), ['campaign_id', 'address_key', 'part']
        )

    op.add_column('campaign', sa.Column('per', sa.String(length=10), server_default='mailbox', nullable=False))
    op.add_column('campaign', sa.Column('except_received', sa.JSON(), nullable=True))

    op.create_table('audience_snapshot',
    sa.Column('campaign_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('reason', sa.String(length=30), nullable=False),
    sa.Column('taken_at', audiences.database.UtcDateTime(), nullable=False),
    sa.Column('contacts', sa.Integer(), nullable=False),
    sa.Column('contact_ids', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_audience_snapshot_campaign_id')),
    sa.PrimaryKeyConstraint('campaign_id', 'reason', name=op.f('pk_audience_snapshot'))
    )

    op.create_index(
        'ix_company_not_prospected', 'company', ['diffusion'], unique=False,
        sqlite_where=NOT_PROSPECTED, postgresql_where=NOT_PROSPECTED,
    )
    op.drop_index('ix_request_nature_received_on', table_name='request')
    op.create_index(
        'ix_request_nature_received_on', 'request', ['nature', 'received_on', 'company_id', 'contact_id'], unique=False
    )


def downgrade() -> None:
    op.drop_index('ix_request_nature_received_on', table_name='request')
    op.create_index('ix_request_nature_received_on', 'request', ['nature', 'received_on'], unique=False)
    op.drop_index('ix_company_not_prospected', table_name='company')
    op.drop_table('audience_snapshot')
    op.drop_column('campaign', 'except_received')
    op.drop_column('campaign', 'per')
    # Fails where a campaign wrote to several companies of one mailbox: one of its deliveries would be lost.
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('uq_delivery_campaign_id_address_key_part'), type_='unique')
        batch_op.create_unique_constraint(
            op.f('uq_delivery_campaign_id_address_key'), ['campaign_id', 'address_key']
        )
        batch_op.drop_column('part')

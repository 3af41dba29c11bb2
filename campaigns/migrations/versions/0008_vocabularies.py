"""indexes of the queries: words of communes and advisers; EPCI with trade; what a request says with its company."""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

WORDS = ('received_on', 'channel', 'topic')


def upgrade() -> None:
    op.create_index(op.f('ix_company_commune_name'), 'company', ['commune_name'], unique=False)
    op.drop_index(op.f('ix_company_epci_siren'), table_name='company')
    op.create_index(op.f('ix_company_epci_siren_naf_code'), 'company', ['epci_siren', 'naf_code'], unique=False)
    for word in WORDS:
        op.drop_index(op.f(f'ix_request_{word}'), table_name='request')
    for word in (*WORDS, 'adviser'):
        op.create_index(op.f(f'ix_request_{word}_company_id'), 'request', [word, 'company_id'], unique=False)


def downgrade() -> None:
    for word in (*WORDS, 'adviser'):
        op.drop_index(op.f(f'ix_request_{word}_company_id'), table_name='request')
    for word in WORDS:
        op.create_index(op.f(f'ix_request_{word}'), 'request', [word], unique=False)
    op.drop_index(op.f('ix_company_epci_siren_naf_code'), table_name='company')
    op.create_index(op.f('ix_company_epci_siren'), 'company', ['epci_siren'], unique=False)
    op.drop_index(op.f('ix_company_commune_name'), table_name='company')

"""the fingerprint of a numbered request begins with its number: those of one sheet stand side by side in the index."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

request = sa.table(
    'request', sa.column('id', sa.Integer), sa.column('company_id', sa.Integer), sa.column('contact_id', sa.Integer),
    sa.column('fingerprint', sa.String), sa.column('reference', sa.Text), sa.column('received_on', sa.Date),
)


def upgrade() -> None:
    padded = sa.literal('00000000', sa.Text).concat(request.c.reference)
    number = sa.func.substr(padded, sa.func.length(padded) - 7, type_=sa.Text)
    op.execute(
        sa.update(request)
        .where(request.c.reference != '')
        .values(fingerprint=number.concat(sa.func.substr(request.c.fingerprint, 1, 24)))
    )


def downgrade() -> None:
    connection = op.get_bind()
    numbered = sa.select(request).where(request.c.reference != '')
    for row in connection.execute(numbered).all():
        asker = f'company {row.company_id}' if row.company_id is not None else f'contact {row.contact_id}'
        plain = f'{asker}\x1f{row.received_on.isoformat()}\x1f{row.reference}'
        digest = hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()
        connection.execute(sa.update(request).where(request.c.id == row.id).values(fingerprint=digest))

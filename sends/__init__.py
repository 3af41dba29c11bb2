"""How mail leaves, and what comes back: ledger, SMTP transport, replies."""

"""What connectors share: what to ask and with which credentials, one page at a time, kept, paid for, and resumed."""

"""SIP, pure: messages, transactions, dialogs (RFC 3261 and its extensions); no sockets and no clock."""

"""Networks, several at a time in one stack."""

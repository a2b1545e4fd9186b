"""How bytes come in and go out. Decides nothing."""

"""What stands under /openidm: one resource per file, reached by REST and by scripts alike."""

"""What each command prints: plans, progress, tables, warnings."""

"""Watch, film and evaluate a policy."""

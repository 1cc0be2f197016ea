"""Watch, film and judge a policy."""

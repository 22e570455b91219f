"""What each dashboard shows: one module a dashboard, nothing but data."""

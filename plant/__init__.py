"""What a facility *is*: the shared, pure language of every other package."""

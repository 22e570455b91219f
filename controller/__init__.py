"""Who is allowed to: the cycle, envelope, proposals and approvals, actuation, audit, API, command line."""

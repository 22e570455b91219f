"""What people look at elsewhere: Grafana dashboards, Prometheus scrape config, rules."""

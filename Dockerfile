# One image for the controller and the simulated site; the command chooses.
# BASE is any Debian-like image with Python 3.11 or newer and its venv module.
ARG BASE=python:3.11.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /opt/coolwright
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY plant plant
COPY telemetry telemetry
COPY sim sim
COPY optimizer optimizer
COPY controller controller
COPY reports reports
COPY dashboards dashboards
RUN /opt/coolwright/bin/pip install --no-cache-dir -c constraints.txt ".[postgres,reports]"

FROM ${BASE}
ENV PATH=/opt/coolwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN mkdir -p /var/lib/coolwright /var/lib/coolwright-anchors /var/lib/site-history \
    && chown 10001:10001 /var/lib/coolwright /var/lib/coolwright-anchors /var/lib/site-history
COPY --from=build /opt/coolwright /opt/coolwright
COPY examples /app/examples
WORKDIR /app
USER 10001:10001
EXPOSE 8080
CMD ["coolwright", "--help"]

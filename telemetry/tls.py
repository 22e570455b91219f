"""TLS towards a gateway: whom we trust, and the certificate we show."""

from __future__ import annotations

import ssl

from plant.errors import ConfigError
from plant.gateways import Gateway


def tls_context(gateway: Gateway) -> ssl.SSLContext | None:
    """A context of TLS 1.2 or newer that checks the peer; None where the site file asks for none.

    Raises
    ------
    ConfigError
        If a certificate file cannot be used.
    """
    if gateway.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(gateway.tls.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if gateway.tls.cert_file is not None:
            context.load_cert_chain(gateway.tls.cert_file, gateway.tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"gateway {gateway.id}, key tls", f"cannot be used ({error})", "give readable PEM files"
        ) from None
    return context

"""Name the CA certificates that connections to other servers trust."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

CERTIFICATE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def certificates(environ: Mapping[str, str]) -> str | bool:
    """Name the file or folder of CA certificates that HTTPS trusts; True stands for those of certifi.

    Only variables of the process name one, never a file of the checkout.
    """
    return next((environ[name] for name in CERTIFICATE_VARIABLES if environ.get(name)), True)


def tls_context(trusted: str | bool) -> ssl.SSLContext:
    """Trust the certificates of a file or folder, or certifi's, as `certificates` names them."""
    place = DEFAULT_CA_BUNDLE_PATH if trusted is True else str(trusted)
    if Path(place).is_dir():
        return ssl.create_default_context(capath=place)
    return ssl.create_default_context(cafile=place)

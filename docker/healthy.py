"""Exit 0 when the service of this container answers; for HEALTHCHECK, so that the image needs no curl."""

import os
import ssl
import sys
import urllib.request

port = os.environ.get("LOCUTOR_PORT", "8005")
scheme = "https" if os.environ.get("LOCUTOR_TLS_CERT") else "http"
trust = ssl.create_default_context()
trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # it asks itself, by another name than the certificate's
with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/ready", timeout=5, context=trust) as answer:
    sys.exit(answer.status != 200)

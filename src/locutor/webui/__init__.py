"""The studio: pages in a browser, over nothing but the public REST API."""

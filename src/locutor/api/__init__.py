"""The HTTP service: `create_app(settings)` in app.py, one file of routes per noun."""

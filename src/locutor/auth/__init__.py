"""Who may do what: API keys, and sessions of a browser that logged in with one."""

"""What happens to every request, outermost first: id and log, Host, CORS, Origin, size, rate."""

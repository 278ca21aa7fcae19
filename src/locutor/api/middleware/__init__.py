"""What happens to every request, outermost first: id and log, Host, Origin, size, rate."""

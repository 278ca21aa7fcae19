"""What goes over the wire: one file per noun. Times are ISO 8601 in UTC, durations in seconds."""

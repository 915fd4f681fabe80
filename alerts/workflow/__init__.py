"""People's part of an alert: they acknowledge, snooze, assign, resolve and comment."""

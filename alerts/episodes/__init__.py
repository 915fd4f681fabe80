"""Episodes: how runs move the alerts of a monitor."""

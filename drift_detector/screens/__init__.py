"""The pages that people open, in the admin site: they read all apps and are read by none."""

"""What every app stands on: settings, tenancy, events, scheduling."""

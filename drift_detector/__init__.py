"""The foundation of every app: settings, tenancy, events, scheduling."""

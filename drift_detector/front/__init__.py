"""The HTTP server of web: it reads each request whole before one of the few threads takes it."""

"""The version of the project, which the build, the API and the command read here."""

VERSION = "0.1.0"

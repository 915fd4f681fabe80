"""Label audits: people label some rows of a window, and learn how good the model is there."""
